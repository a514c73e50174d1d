package weights

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A caller learns where a finding is without a list of the types, however it is wrapped.
func TestErrorsCarryTheirPlace(t *testing.T) {
	for _, err := range []error{
		&FormatError{File: "f", Field: "t"},
		&UnsupportedError{File: "f", Field: "t"},
		&ShapeError{File: "f", Tensor: "t"},
		&MissingError{File: "f", Tensor: "t"},
		&DuplicateError{File: "f", Tensor: "t"},
		&UnusedError{File: "f", Tensors: []string{"t", "u"}, Total: 2},
		&ValueError{File: "f", Tensor: "t"},
	} {
		var placed interface{ Place() (file, field string) }
		require.ErrorAs(t, fmt.Errorf("load: %w", errors.Join(err)), &placed, "%T", err)
		file, field := placed.Place()
		require.Equal(t, [2]string{"f", "t"}, [2]string{file, field}, "%T", err)
	}
	file, field := (&UnusedError{File: "f"}).Place()
	require.Equal(t, [2]string{"f", ""}, [2]string{file, field})
}
