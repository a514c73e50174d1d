package cpu

// Sets imply those that they build on, and can be switched off by name.

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

// The kernels of one instruction set share code with those of another, so none must be reported
// without what it builds on.
func TestFeaturesImplyOthers(t *testing.T) {
	for _, f := range []struct{ has, needs bool }{{hasAVX512, hasAVX2}, {hasAVX512VNNI, hasAVX512}, {hasAMX, hasAVX512VNNI}, {hasAVXVNNI, hasAVX2}, {hasI8MM, hasDotProd}, {hasDotProd, hasNEON}} {
		require.True(t, !f.has || f.needs)
	}
}
