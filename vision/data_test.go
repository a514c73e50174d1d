package vision_test

// Where the test data is; without it the tests that need it are left out.

import (
	"testing"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, "../testdata", ".") }
