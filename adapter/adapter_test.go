package adapter_test

// Configurations of adapters. What they compute is tested in package vision, behind the towers.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/adapter"
)

// What a configuration cannot be is refused before anything is bound. What adapters compute is
// tested beside the towers they follow (package vision).
func TestConfigBounds(t *testing.T) {
	for _, c := range []adapter.Config{
		{}, {Merger: &adapter.MergerConfig{}},
		{Merger: &adapter.MergerConfig{InputSize: 1, OutputSize: 1, MergeSize: 1, Eps: 1}},
		{Resampler: &adapter.ResamplerConfig{InputSize: 4, OutputSize: 8, Queries: 1, NumHeads: 1,
			Grid: 1, Eps: 1e-6}},
		{Resampler: &adapter.ResamplerConfig{InputSize: 8, OutputSize: 8, Queries: 1, NumHeads: 3,
			Grid: 1, Eps: 1e-6}},
		{Resampler: &adapter.ResamplerConfig{InputSize: 8, OutputSize: 8, Queries: 0, NumHeads: 1,
			Grid: 1, Eps: 1e-6}},
	} {
		_, err := adapter.New(c, nil)
		require.ErrorIs(t, err, adapter.ErrConfig)
	}
}
