package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCurves(t *testing.T) {
	status, v, log := runTool("-model", model, "-curves", "-max-prompt", "256", "-max-patches", "512", "-decode", "3", "-repeat", "2", "-threads", "1")
	require.Zero(t, status, log)
	for curve, want := range map[string][]float64{"prefill": {128, 256}, "decode": {0, 128, 256}, "vision": {256, 484}} {
		points := v[curve].([]any)
		require.Len(t, points, len(want), curve)
		for i, p := range points {
			p := p.(map[string]any)
			if want[i] > 0 {
				require.Equal(t, want[i], p["n"], curve)
			}
			require.Positive(t, p["value"], curve)
			require.Positive(t, p["limit"], curve)
		}
	}
	require.Positive(t, v["bandwidth_gb_s"])
	require.Equal(t, autoFormat(), v["format"])
}

// Where the context ends, the curves do.
func TestCurvesOfText(t *testing.T) {
	status, v, log := runTool("-model", "../../../testdata/text-tiny/qwen2", "-curves", "-max-prompt", "4096", "-decode", "3", "-repeat", "1")
	require.Zero(t, status, log)
	require.NotContains(t, v, "vision")
	require.Len(t, v["prefill"], 4) // 128 to 1024, of a context of 2048
}

func TestSizes(t *testing.T) {
	require.Equal(t, []int{128, 256, 512}, sizes(128, 1000))
	require.Equal(t, []int{16, 22, 32, 44, 64, 90, 128}, squares(2, 256, 16384))
}
