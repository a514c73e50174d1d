package vision_test

// A pass of the tower is advanced step by step, and what happens between its steps and beside it
// changes no bit: other media in the same pass, other passes on the same executor, a stop.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/vision"
)

// allTowers are those and the one of pictures of one size.
var allTowers = append(slices.Clone(towers), "qwen-vl-small")

// finish advances a pass to its end.
func finish(t *testing.T, j *vision.Job, ex *tensor.Exec) vision.Features {
	t.Helper()
	for {
		done, err := j.Step(ex)
		require.NoError(t, err)
		if done {
			return j.Features()
		}
	}
}

// sameFeatures demands that rows lo and up of got are the features in want.
func sameFeatures(t *testing.T, want, got vision.Features, lo int) {
	t.Helper()
	hi := lo + want.Rows.Rows
	testkit.SameBits(t, want.Rows.Floats(), got.Rows.Slice(lo, hi).Floats())
	require.Len(t, got.Taps, len(want.Taps))
	for i, tap := range want.Taps {
		testkit.SameBits(t, tap.Floats(), got.Taps[i].Slice(lo, hi).Floats())
	}
}

// Pictures and videos of several sizes in one pass get the features that each gets alone.
func TestSeveralMediaInOnePass(t *testing.T) {
	for _, name := range allTowers {
		t.Run(name, func(t *testing.T) {
			ex := tensor.NewExec(2)
			defer ex.Close()
			enc, media := open(t, name)
			together := finish(t, enc.Begin(slices.Clone(media)), ex)
			lo := 0
			for i, m := range media {
				alone := finish(t, enc.Begin([]*preprocess.Patches{m}), ex)
				require.Equal(t, m.N, alone.Rows.Rows)
				require.Equal(t, m.Grid, together.Grids[i])
				sameFeatures(t, alone, together, lo)
				lo += m.N
			}
			require.Equal(t, lo, together.Rows.Rows)
		})
	}
}

// Passes that take turns on one executor, on other numbers of threads and with the workspace
// trimmed between their steps, compute what each computes in one go.
func TestPassesTakeTurns(t *testing.T) {
	for _, name := range allTowers {
		t.Run(name, func(t *testing.T) {
			one, two := tensor.NewExec(1), tensor.NewExec(2)
			defer one.Close()
			defer two.Close()
			enc, media := open(t, name)
			var want []vision.Features
			for _, m := range media {
				want = append(want, finish(t, enc.Begin([]*preprocess.Patches{m}), two))
			}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 5 {
				var jobs []*vision.Job
				for _, m := range media {
					jobs = append(jobs, enc.Begin([]*preprocess.Patches{m}))
				}
				steps, left := make([]int, len(jobs)), len(jobs)
				for left > 0 {
					i := rng.IntN(len(jobs))
					if steps[i] == jobs[i].Steps() {
						continue
					}
					ex := []*tensor.Exec{one, two}[rng.IntN(2)]
					done, err := jobs[i].Step(ex)
					require.NoError(t, err)
					steps[i]++
					require.Equal(t, steps[i] == jobs[i].Steps(), done)
					if done {
						left--
					}
					if rng.IntN(3) == 0 {
						ex.Trim()
					}
				}
				for i, j := range jobs {
					sameFeatures(t, want[i], j.Features(), 0)
				}
			}
		})
	}
}

// A stop ends a pass in whatever step it is with an error; a pass that was waiting, and one that
// begins afterwards, are none the worse for it.
func TestStopInEachStep(t *testing.T) {
	for _, name := range allTowers {
		t.Run(name, func(t *testing.T) {
			ex := tensor.NewExec(2)
			defer ex.Close()
			enc, media := open(t, name)
			begin := func() *vision.Job { return enc.Begin(slices.Clone(media)) }
			want := finish(t, begin(), ex)
			for k := range begin().Steps() {
				stopped, waiting := begin(), begin()
				for _, j := range []*vision.Job{stopped, waiting} {
					for range k {
						done, err := j.Step(ex)
						require.NoError(t, err)
						require.False(t, done)
					}
				}
				ex.Stop()
				done, err := stopped.Step(ex)
				require.ErrorIs(t, err, tensor.ErrStopped)
				require.False(t, done)
				ex.Resume()
				sameFeatures(t, want, finish(t, waiting, ex), 0)
				sameFeatures(t, want, finish(t, begin(), ex), 0)
			}
		})
	}
}

// Features that are given out of inner blocks are the rows that a trace shows after those blocks, in
// the order of the patches; any tower can give them out.
func TestTapsAreInnerRows(t *testing.T) {
	for _, name := range allTowers {
		for _, taps := range [][]int{nil, {0}, {0, 1}} {
			ex := tensor.NewExec(2)
			defer ex.Close()
			enc, media := open(t, name, func(c *vision.Config) { c.Taps = taps })
			rows := map[int][]float32{}
			ex.SetTrace(func(stage string, index int, x tensor.Tensor) {
				if stage == "vision.block" {
					rows[index] = slices.Clone(x.Floats())
				}
			})
			traced := finish(t, enc.Begin(slices.Clone(media)), ex)
			ex.SetTrace(nil)
			require.Len(t, rows, enc.Config().Depth)
			require.Len(t, traced.Taps, len(taps))
			for i, block := range taps {
				testkit.SameBits(t, rows[block], traced.Taps[i].Floats())
			}
			sameFeatures(t, traced, finish(t, enc.Begin(slices.Clone(media)), ex), 0)

			// Of each item alone they are the same rows: the order of the windows is undone.
			lo := 0
			for _, m := range media {
				sameFeatures(t, finish(t, enc.Begin([]*preprocess.Patches{m}), ex), traced, lo)
				lo += m.N
			}
		}
	}
}

// What a configuration cannot be is refused before anything is bound, and the error says what.
func TestConfigErrors(t *testing.T) {
	for _, name := range allTowers {
		enc, _ := open(t, name)
		require.NoError(t, enc.Config().Validate(), name)
	}
	enc, _ := open(t, "qwen2_5_vl-tiny")
	good := enc.Config()
	for i, c := range []struct {
		change func(c *vision.Config)
		names  string
	}{
		{func(c *vision.Config) { c.HiddenSize = 0 }, "hidden size 0"},
		{func(c *vision.Config) { c.HiddenSize = 1<<16 + 4 }, "hidden size 65540"},
		{func(c *vision.Config) { c.HiddenSize = 30 }, "width 30"}, // heads of 10 channels
		{func(c *vision.Config) { c.NumHeads = -1 }, "heads -1"},
		{func(c *vision.Config) { c.NumHeads = 5 }, "5 heads"},
		{func(c *vision.Config) { c.IntermediateSize = 0 }, "intermediate size 0"},
		{func(c *vision.Config) { c.Depth = 0 }, "depth 0"},
		{func(c *vision.Config) { c.Depth = 1 << 20 }, "depth 1048576"},
		{func(c *vision.Config) { c.PatchDim = -3 }, "values of a patch -3"},
		{func(c *vision.Config) { c.Eps = 0 }, "epsilon 0"},
		{func(c *vision.Config) { c.Eps = 2 }, "epsilon 2"},
		{func(c *vision.Config) { c.Eps = float32(math.NaN()) }, "epsilon NaN"},
		{func(c *vision.Config) { c.MergeSize = 0 }, "merge size 0"},
		{func(c *vision.Config) { c.MergeSize = 65 }, "merge size 65"},
		{func(c *vision.Config) { c.Window = -1 }, "window -1"},
		{func(c *vision.Config) { c.Window = 1<<10 + 1 }, "window 1025"},
		{func(c *vision.Config) { c.FullAttention = []int{4} }, "blocks [4] of 4"},
		{func(c *vision.Config) { c.FullAttention = []int{-1} }, "blocks [-1] of 4"},
		{func(c *vision.Config) { c.Taps = []int{2, 1} }, "blocks [2 1] of 4"},
		{func(c *vision.Config) { c.Taps = []int{1, 1} }, "blocks [1 1] of 4"},
		{func(c *vision.Config) { c.Position = vision.Position{Rows: 3} }, "3 by 0 positions"},
		{func(c *vision.Config) { c.Position = vision.Position{Rows: 3, Cols: 4} }, "3 by 4 positions"},
		{func(c *vision.Config) { c.Position = vision.Position{Rows: 2048, Cols: 2048} }, "positions 2048"},
		{func(c *vision.Config) { c.Raster = true }, "windows over patches in raster order"},
		{func(c *vision.Config) { c.QKVByHead = true }, "q, k and v by head"},
	} {
		bad := good
		c.change(&bad)
		require.ErrorIs(t, bad.Validate(), vision.ErrConfig, fmt.Sprint(i))
		require.ErrorContains(t, bad.Validate(), c.names)
		_, err := vision.New(bad, nil)
		require.ErrorIs(t, err, vision.ErrConfig)
	}
}
