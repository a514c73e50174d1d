package jpeg

import (
	"testing"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, "../../testdata", ".") }
