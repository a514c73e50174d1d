package qwenvl_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// Published configurations resolve to the published number of parameters. testdata/configs/SOURCES.md says where both are from.
func TestPublishedSizes(t *testing.T) {
	for name, want := range map[string]struct {
		total    int64   // exact, where it is published so
		billions float64 // else as published, to its last digit
		digits   float64
	}{
		"Qwen-VL-Chat":           {billions: 9.6, digits: 0.1},
		"Qwen2-VL-2B-Instruct":   {total: 2208985600},
		"Qwen2-VL-7B-Instruct":   {total: 8291375616},
		"Qwen2.5-VL-3B-Instruct": {total: 3754622976},
		"Qwen2.5-VL-7B-Instruct": {total: 8292166656},
		"Kimi-VL-A3B-Instruct":   {billions: 16.4, digits: 0.05},
		"Qwen3-VL-2B-Instruct":   {total: 2127532032},
		"Qwen3-VL-4B-Instruct":   {total: 4437815808},
		"Qwen3-VL-8B-Instruct":   {total: 8767123696},
		"Qwen3.5-9B":             {billions: 9.4, digits: 0.5},
		"Qwen3.5-27B":            {billions: 27.4, digits: 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := qwenvl.Inspect("testdata/configs/" + name)
			require.NoError(t, err)
			if want.total > 0 {
				require.Equal(t, want.total, in.Parameters.Total)
			} else {
				require.InDelta(t, want.billions, float64(in.Parameters.Total)/1e9, want.digits)
			}
			require.NotEmpty(t, in.Tensors)
			m, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 4096})
			require.NoError(t, err)
			require.Equal(t, 2*in.Parameters.Total, m.Weights)
		})
	}
	// The parts of Qwen-VL and the active parameters of Kimi-VL, as their papers give them.
	in, err := qwenvl.Inspect("testdata/configs/Qwen-VL-Chat")
	require.NoError(t, err)
	require.InDelta(t, 1.9, float64(in.Parameters.Vision)/1e9, 0.06)
	require.InDelta(t, 0.08, float64(in.Parameters.Adapter)/1e9, 0.015)
	require.InDelta(t, 7.7, float64(in.Parameters.Decoder)/1e9, 0.05)
	in, err = qwenvl.Inspect("testdata/configs/Kimi-VL-A3B-Instruct")
	require.NoError(t, err)
	require.InDelta(t, 2.8, float64(in.Parameters.Active)/1e9, 0.15)

	entries, err := os.ReadDir("testdata/configs")
	require.NoError(t, err)
	require.Len(t, entries, 12, "a configuration that no line here judges")
}
