package adapter_test

// What the adapter makes of the tower's features, from a loaded model: the package's own
// constructors are for the library.

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

// The adapter merges squares of patches into tokens as wide as the decoder.
func Example() {
	m, err := qwenvltest.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	f, err := m.Features(context.Background(), qwenvl.ImageFile("../testdata/digits.png"))
	if err != nil {
		log.Fatal(err)
	}
	side := m.Info().MergeSize
	fmt.Println("patches:", f.Tower.Rows, "merged by", side*side)
	fmt.Println("tokens:", f.Adapter.Rows, "rows of", f.Adapter.Cols)
	fmt.Println("as wide as the decoder:", f.Adapter.Cols == m.Info().HiddenSize)
	// Output:
	// patches: 120 merged by 4
	// tokens: 30 rows of 128
	// as wide as the decoder: true
}

func TestNewWithoutLoader(t *testing.T) {
	merger := &adapter.MergerConfig{InputSize: 8, OutputSize: 8, MergeSize: 2, Eps: 1e-6}
	_, err := adapter.New(adapter.Config{Merger: merger}, nil)
	require.ErrorIs(t, err, adapter.ErrConfig)
	require.ErrorContains(t, err, "qwenvl.Load")
}
