package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDisable(t *testing.T) {
	before := Names()
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			was := *f.on
			restore := Disable(f.name)
			require.False(t, *f.on)
			require.NotContains(t, Names(), f.name)
			restore()
			require.Equal(t, was, *f.on)
		})
	}
	require.Equal(t, before, Names())
}

func TestDisableUnknownName(t *testing.T) {
	require.PanicsWithValue(t, unknownFeature, func() { Disable("mmx") })
}

// AVX-512 kernels share code with the AVX2 ones, so the first must never be reported without the second.
func TestAVX512ImpliesAVX2(t *testing.T) {
	if hasAVX512 {
		require.True(t, bool(hasAVX2))
	}
}
