package cmdutil

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormats(t *testing.T) {
	for _, f := range []string{"auto", "f32", "bf16", "int8", "int4"} {
		opts, err := Formats(f, f)
		require.NoError(t, err)
		require.Len(t, opts, 2)
	}
	opts, err := Formats("", "")
	require.NoError(t, err)
	require.Empty(t, opts)
	_, err = Formats("int8", "int3")
	require.ErrorContains(t, err, `"int3"`)
}
