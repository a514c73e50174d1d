package tensor

// The layout of keys and values in a block.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Keys and values lie in blocks in float32 or in half of the space; no other format is taken.
func TestKVLayoutFormats(t *testing.T) {
	k := KVLayout{Heads: 2, KeyDim: 24, ValueDim: 8}
	require.Equal(t, 2*(24+8)*TileKeys, k.Floats())
	k.Format = F16
	require.Equal(t, (24+8)*TileKeys, k.Floats())
	for _, f := range []Format{BF16, Int8, Int4} {
		k.Format = f
		require.PanicsWithValue(t, badFormat, func() { k.Floats() })
	}
}
