package vision_test

// What the tower makes of a picture, from a loaded model: the package's own constructors are for
// the library.

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
	"github.com/qwenvl/qwenvl/vision"
)

// The tower has a row of features for each patch of a picture.
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
	fmt.Println("patches:", f.Grid.H, "rows of", f.Grid.W)
	fmt.Println("features:", f.Tower.Rows, "rows of", f.Tower.Cols)
	// Output:
	// patches: 10 rows of 12
	// features: 120 rows of 128
}

func TestNewWithoutLoader(t *testing.T) {
	_, err := vision.New(vision.Config{
		HiddenSize: 8, IntermediateSize: 8, NumHeads: 2, Depth: 1, PatchDim: 12, MergeSize: 2,
		Eps: 1e-6,
	}, nil)
	require.ErrorIs(t, err, vision.ErrConfig)
	require.ErrorContains(t, err, "qwenvl.Load")
}
