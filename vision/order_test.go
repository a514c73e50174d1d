package vision

// The order of windows, the bounds of frames and windows, and the table of positions, each against
// a plain computation that works patch by patch.

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
	"github.com/qwenvl/qwenvl/rope"
)

// place is where a patch lies: its media item, frame, row and column.
type place struct{ item, t, y, x int }

// places lists the patches of grids in the order in which they come: groups of merge by merge in
// raster order, the patches of a group likewise.
func places(grids []rope.Grid, merge int) []place {
	var out []place
	for i, g := range grids {
		var all []place
		for t := range g.T {
			for y := range g.H {
				for x := range g.W {
					all = append(all, place{i, t, y, x})
				}
			}
		}
		slices.SortStableFunc(all, func(a, b place) int {
			key := func(p place) []int { return []int{p.t, p.y / merge, p.x / merge, p.y, p.x} }
			return slices.Compare(key(a), key(b))
		})
		out = append(out, all...)
	}
	return out
}

// orderGrids are media of all kinds of shapes: whole windows, cut ones, narrow ones, videos.
func orderGrids(merge int) [][]rope.Grid {
	var out [][]rope.Grid
	for _, sizes := range [][][3]int{
		{{1, 1, 1}}, {{1, 4, 4}}, {{1, 5, 3}}, {{1, 1, 9}}, {{1, 9, 1}}, {{3, 4, 6}},
		{{1, 2, 2}, {2, 7, 5}, {1, 8, 3}, {1, 1, 1}, {4, 3, 3}},
	} {
		var grids []rope.Grid
		for _, s := range sizes {
			grids = append(grids, rope.Grid{T: s[0], H: s[1] * merge, W: s[2] * merge})
		}
		out = append(out, grids)
	}
	return out
}

// Patches pass through the blocks window by window, the windows of a frame in raster order; inside
// a window they keep their order. Bounds lie where one window ends and the next begins.
func TestWindows(t *testing.T) {
	for _, merge := range []int{1, 2, 3} {
		for _, side := range []int{1, 2, 3, 4, 8} {
			for _, grids := range orderGrids(merge) {
				t.Run(fmt.Sprintf("merge %d, side %d, %v", merge, side, grids), func(t *testing.T) {
					patches := places(grids, merge)
					window := func(p place) []int { // which one a patch lies in
						return []int{p.item, p.t, p.y / merge / side, p.x / merge / side}
					}
					want := make([]int32, len(patches))
					for i := range want {
						want[i] = int32(i)
					}
					slices.SortStableFunc(want, func(a, b int32) int {
						return slices.Compare(window(patches[a]), window(patches[b]))
					})
					bounds := []int32{0}
					for i := 1; i < len(want); i++ {
						if !slices.Equal(window(patches[want[i-1]]), window(patches[want[i]])) {
							bounds = append(bounds, int32(i))
						}
					}
					bounds = append(bounds, int32(len(want)))

					order, got := windows(grids, merge, side)
					require.Equal(t, want, order)
					require.Equal(t, bounds, got)
					undo := inverse(order)
					for i, p := range order {
						require.Equal(t, int32(i), undo[p])
					}
				})
			}
		}
	}
}

// media makes patches of grids whose values do not matter.
func media(grids []rope.Grid, dim int) []*preprocess.Patches {
	var out []*preprocess.Patches
	for _, g := range grids {
		n := g.Patches()
		out = append(out, &preprocess.Patches{N: n, Dim: dim, Grid: g, Data: make([]float32, n*dim)})
	}
	return out
}

// Attention over whole frames is bounded by the frames, of pictures and of videos alike.
func TestFrameBounds(t *testing.T) {
	for _, window := range []int{0, 4} {
		e := &Encoder{cfg: Config{PatchDim: 3, MergeSize: 2, Window: window}}
		for _, grids := range orderGrids(2) {
			patches := places(grids, 2)
			bounds := []int32{0}
			for i := 1; i < len(patches); i++ {
				if a, b := patches[i-1], patches[i]; a.item != b.item || a.t != b.t {
					bounds = append(bounds, int32(i))
				}
			}
			bounds = append(bounds, int32(len(patches)))
			j := e.Begin(media(grids, 3))
			require.Equal(t, bounds, j.frames)
			require.Equal(t, window > 0, j.order != nil)
			require.Equal(t, grids, j.Features().Grids)
		}
	}
}

// Patches that are not the encoder's are a mistake of the caller's.
func TestBeginPanicsOnMisuse(t *testing.T) {
	e := &Encoder{cfg: Config{PatchDim: 3, MergeSize: 2}}
	for name, change := range map[string]func(*preprocess.Patches){
		"values of a patch": func(p *preprocess.Patches) { p.Dim = 2 },
		"number of patches": func(p *preprocess.Patches) { p.N-- },
		"data cut off":      func(p *preprocess.Patches) { p.Data = p.Data[1:] },
		"rows not in groups": func(p *preprocess.Patches) {
			*p = *media([]rope.Grid{{T: 1, H: 3, W: 4}}, 3)[0]
		},
		"columns not in groups": func(p *preprocess.Patches) {
			*p = *media([]rope.Grid{{T: 1, H: 4, W: 3}}, 3)[0]
		},
	} {
		m := media([]rope.Grid{{T: 1, H: 2, W: 2}, {T: 1, H: 4, W: 4}}, 3)
		require.NotPanics(t, func() { e.Begin(m) })
		change(m[1])
		require.PanicsWithValue(t, "vision: patches do not fit the encoder", func() { e.Begin(m) }, name)
	}
}

// resampled is entry i of a table of positions stretched to h by w places, from its definition.
func resampled(p Position, table []float32, width, i, h, w, y, x int) float64 {
	at := func(r, c int) float64 { return float64(table[(r*p.Cols+c)*width+i]) }
	if p.Resample == Bilinear { // first and last entries lie on the first and last places
		stretch := func(size, n, k int) float64 {
			if n == 1 {
				return 0
			}
			return float64(k) * float64(size-1) / float64(n-1)
		}
		fy, fx := stretch(p.Rows, h, y), stretch(p.Cols, w, x)
		var sum float64
		for r := range p.Rows { // a tent over each entry
			for c := range p.Cols {
				sum += max(0, 1-math.Abs(fy-float64(r))) * max(0, 1-math.Abs(fx-float64(c))) * at(r, c)
			}
		}
		return sum
	}
	cubic := func(d float64) float64 { // Keys' kernel with a = -0.75
		switch d = math.Abs(d); {
		case d <= 1:
			return 1.25*d*d*d - 2.25*d*d + 1
		case d < 2:
			return -0.75 * (d*d*d - 5*d*d + 8*d - 4)
		}
		return 0
	}
	fy := (float64(y)+0.5)*float64(p.Rows)/float64(h) - 0.5
	fx := (float64(x)+0.5)*float64(p.Cols)/float64(w) - 0.5
	var sum float64
	for r := -4; r < p.Rows+4; r++ { // entries beyond an edge repeat it
		for c := -4; c < p.Cols+4; c++ {
			weight := cubic(fy-float64(r)) * cubic(fx-float64(c))
			sum += weight * at(min(max(r, 0), p.Rows-1), min(max(c, 0), p.Cols-1))
		}
	}
	return sum
}

// Each patch gets the entry of the table at its place in the frame, whatever the frame's size, the
// order of patches and the number of frames.
func TestPositions(t *testing.T) {
	const width = 5
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range []Position{
		{Rows: 6, Cols: 6, Resample: Bilinear}, {Rows: 5, Cols: 7, Resample: Bicubic},
		{Rows: 6, Cols: 6, Resample: Bicubic},
	} {
		table := make([]float32, p.Rows*p.Cols*width)
		for i := range table {
			table[i] = float32(rng.NormFloat64())
		}
		for _, merge := range []int{1, 2} {
			for _, raster := range []bool{false, true} {
				c := Config{HiddenSize: width, MergeSize: merge, Raster: raster, Position: p}
				e := &Encoder{cfg: c, table: table}
				grids := append(slices.Concat(orderGrids(merge)...),
					rope.Grid{T: 1, H: 6, W: 6}, rope.Grid{T: 2, H: 12, W: 2})
				group := merge
				if raster {
					group = 1
				}
				patches := places(grids, group)
				x := tensor.New(len(patches), width)
				before := make([]float32, len(x.Floats()))
				for i := range before {
					before[i] = float32(rng.NormFloat64())
				}
				copy(x.Floats(), before)
				e.addPositions(x, grids)
				var want []float64
				for n, q := range patches {
					g := grids[q.item]
					for i := range width {
						sum := resampled(p, table, width, i, g.H, g.W, q.y, q.x)
						want = append(want, float64(before[n*width+i])+sum)
					}
				}
				testkit.Close(t, want, x.Floats(), 0, 1e-5)
			}
		}
	}
}

// On its own grid a table is taken as it is, bit for bit.
func TestPositionsOfOwnGrid(t *testing.T) {
	const width = 3
	for _, resample := range []Resample{Bilinear, Bicubic} {
		p := Position{Rows: 4, Cols: 4, Resample: resample}
		e := &Encoder{cfg: Config{HiddenSize: width, MergeSize: 1, Position: p}}
		rng := rand.New(rand.NewPCG(3, 4))
		for range 16 * width {
			e.table = append(e.table, float32(rng.NormFloat64()))
		}
		x := tensor.New(2*16, width)
		e.addPositions(x, []rope.Grid{{T: 2, H: 4, W: 4}})
		testkit.SameBits(t, slices.Concat(e.table, e.table), x.Floats())
	}
}
