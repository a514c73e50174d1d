package vision_test

// Every tower with its adapter on grids of all kinds: alone, in company, as frames of a video, with
// other threads and after other pictures, a grid is encoded to the same bits.

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/vision"
)

// towers are the small towers of the families that take pictures of any size.
var towers = []string{
	"qwen2_vl-tiny", "qwen2_5_vl-tiny", "kimi-vl-tiny", "qwen3_vl_moe-tiny", "qwen3_5_moe-tiny",
}

// tower is an encoder with its adapter.
type tower struct {
	enc *vision.Encoder
	ad  adapter.Adapter
	ex  *tensor.Exec
}

func load(t testing.TB, fixture string) *tower {
	t.Helper()
	dir := filepath.Join("../testdata", fixture)
	from, err := checkpoint.Open(dir)
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	_, names := spec.Find(from, src)
	ld := weights.NewLoader(src, names)
	ld.Ignore("*")
	w := &tower{ex: tensor.NewExec(2)}
	w.enc, err = vision.New(spec.Vision.Encoder, ld.Sub("vision"))
	require.NoError(t, err)
	w.ad, err = adapter.New(spec.Vision.Adapter, ld.Sub("adapter"))
	require.NoError(t, err)
	require.NoError(t, ld.Finish())
	t.Cleanup(func() { w.ex.Close(); require.NoError(t, src.Close()) })
	return w
}

// picture makes random patches of a grid given in merged tokens.
func (w *tower) picture(seed uint64, frames, h, width int) *preprocess.Patches {
	c := w.enc.Config()
	g := rope.Grid{T: frames, H: h * c.MergeSize, W: width * c.MergeSize}
	p := &preprocess.Patches{N: g.Patches(), Dim: c.PatchDim, Grid: g}
	rng := rand.New(rand.NewPCG(seed, uint64(h*100+width)))
	row := make([]float32, 512)
	for i := range row {
		row[i] = float32(rng.NormFloat64())
	}
	for len(p.Data) < p.N*p.Dim { // patches differ by where they begin in the row
		k := rng.IntN(200)
		p.Data = append(p.Data, row[k:k+200]...)
	}
	p.Data = p.Data[:p.N*p.Dim]
	return p
}

// run encodes media in one pass and returns each medium's tokens, inner features joined.
func (w *tower) run(t *testing.T, media ...*preprocess.Patches) [][]float32 {
	t.Helper()
	j := w.enc.Begin(slices.Clone(media))
	steps := 0
	for done := false; !done; steps++ {
		var err error
		done, err = j.Step(w.ex)
		require.NoError(t, err)
	}
	require.Equal(t, j.Steps(), steps)
	f := j.Features()
	out, err := w.ad.Forward(w.ex, adapter.Input{Rows: f.Rows, Taps: f.Taps, Grids: f.Grids})
	require.NoError(t, err)
	var all [][]float32
	at := 0
	for _, m := range media {
		n := w.ad.Tokens(m.Grid)
		v := slices.Clone(out.Rows.Slice(at, at+n).Floats())
		for _, d := range out.Deep {
			v = append(v, d.Slice(at, at+n).Floats()...)
		}
		for _, x := range v {
			require.False(t, x-x != 0, "not finite")
		}
		all = append(all, v)
		at += n
	}
	require.Equal(t, out.Rows.Rows, at)
	return all
}

// whole makes TestEveryGrid take every grid up to 24 by 24 tokens. CI sets it; it takes minutes.
var whole = flag.Bool("whole", false, "TestEveryGrid takes all grids, not a selection")

// sweep lists the grids, in tokens: all small ones, in which windows and tiles of every remainder
// occur, and of the larger ones those about the sizes of windows, of tiles and of a part of the
// MLP; with -short or where arithmetic is slow, every seventh side.
func sweep() map[int][]int {
	const most, small = 24, 9
	grids := map[int][]int{}
	for h := 1; h <= most; h++ {
		for w := 1; w <= most; w++ {
			coarse := h%7 == 1 && w%7 == 1
			large := slices.Contains([]int{1, 4, 13, 16, 17, 23, 24}, h) &&
				slices.Contains([]int{1, 3, 8, 16, 24}, w)
			if *whole || coarse || !testing.Short() && !slow && (max(h, w) <= small || large) {
				grids[h] = append(grids[h], w)
			}
		}
	}
	return grids
}

// A grid is encoded, and to the same bits alone, on one thread, as in a pass with others on two.
func TestEveryGrid(t *testing.T) {
	for _, name := range towers {
		t.Run(name, func(t *testing.T) {
			w := load(t, name)
			alone := *w
			alone.ex = tensor.NewExec(1)
			defer alone.ex.Close()
			for h, widths := range sweep() {
				var media []*preprocess.Patches
				for _, width := range widths {
					media = append(media, w.picture(uint64(h), 1, h, width))
				}
				together := w.run(t, media...)
				for i, m := range media {
					require.Equal(t, m.Grid.Merged(w.enc.Config().MergeSize), w.ad.Tokens(m.Grid))
					testkit.SameBits(t, alone.run(t, m)[0], together[i])
				}
			}
		})
	}
}

// Frames of a video do not see one another, nor other media: each is what it is as a picture of its
// own.
func TestFramesAreSeparate(t *testing.T) {
	for _, name := range towers {
		w := load(t, name)
		video := w.picture(5, 3, 3, 5)
		got := w.run(t, w.picture(1, 1, 2, 2), video, w.picture(2, 1, 1, 9))[1]
		// Of a frame's tokens; inner features follow all of them.
		size := len(got) / 3 / (1 + len(w.enc.Config().Taps))
		var want []float32
		n := video.N / 3
		for f := range 3 {
			frame := &preprocess.Patches{N: n, Dim: video.Dim,
				Grid: rope.Grid{T: 1, H: video.Grid.H, W: video.Grid.W},
				Data: video.Data[f*n*video.Dim : (f+1)*n*video.Dim]}
			want = append(want, w.run(t, frame)[0]...)
		}
		for f := range 3 {
			for k := range 1 + len(w.enc.Config().Taps) {
				from, to := (f*(1+len(w.enc.Config().Taps))+k)*size, (k*3+f)*size
				testkit.SameBits(t, want[from:from+size], got[to:to+size])
			}
		}
	}
}

// Results do not depend on the number of threads, nor on what was encoded before.
func TestThreadsAndHistory(t *testing.T) {
	for _, name := range towers {
		w := load(t, name)
		first := w.run(t, w.picture(7, 1, 9, 14))[0]
		rng := rand.New(rand.NewPCG(3, 4))
		for i := range 20 {
			w.run(t, w.picture(uint64(i), 1+rng.IntN(2), 1+rng.IntN(12), 1+rng.IntN(12)))
		}
		testkit.SameBits(t, first, w.run(t, w.picture(7, 1, 9, 14))[0])
		w.ex.Close()
		w.ex = tensor.NewExec(3)
		testkit.SameBits(t, first, w.run(t, w.picture(7, 1, 9, 14))[0])
	}
}

func TestStopInsideAPass(t *testing.T) {
	w := load(t, "qwen2_vl-tiny")
	j := w.enc.Begin([]*preprocess.Patches{w.picture(1, 1, 4, 4)})
	_, err := j.Step(w.ex)
	require.NoError(t, err)
	w.ex.Stop()
	_, err = j.Step(w.ex)
	require.ErrorIs(t, err, tensor.ErrStopped)
	w.ex.Resume()
}
