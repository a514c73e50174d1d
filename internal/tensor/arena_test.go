package tensor

// What the workspace keeps between passes.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What small passes need is kept, and what a large one took is given back.
func TestArenaTrim(t *testing.T) {
	var a arena
	at := a.mark()
	small := a.alloc(100)
	a.release(at)
	a.trim()
	require.Same(t, &small[0], &a.alloc(100)[0])
	for i := range 3 {
		large := a.alloc(slabFloats + i)
		require.Len(t, large, slabFloats+i)
		large[0], large[len(large)-1] = 1, 1
	}
	require.Len(t, a.slabs, 4)
	a.trim()
	require.Len(t, a.slabs, 4, "in use")
	a.release(at)
	a.trim()
	require.Len(t, a.slabs, 1)
	require.Same(t, &small[0], &a.alloc(100)[0])
	a.release(at)
	a.free(0)
	require.Empty(t, a.slabs)
	require.Len(t, a.alloc(5), 5)
	a.free(0)
}
