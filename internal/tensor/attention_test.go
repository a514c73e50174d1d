package tensor

// Attention over segments and over the cache against float64.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

func random(rng *rand.Rand, rows, cols int) Tensor {
	t := New(rows, cols)
	for i := range t.data {
		t.data[i] = float32(rng.NormFloat64())
	}
	return t
}

// naive is softmax(q·kᵀ·scale)·v in float64 for one head.
func naive(q []float32, keys, values [][]float32, scale float64) []float64 {
	scores, top := make([]float64, len(keys)), math.Inf(-1)
	for i, k := range keys {
		for d, x := range q {
			scores[i] += float64(x) * float64(k[d])
		}
		scores[i] *= scale
		top = max(top, scores[i])
	}
	out, sum := make([]float64, len(values[0])), 0.0
	for i, s := range scores {
		w := math.Exp(s - top)
		sum += w
		for d, x := range values[i] {
			out[d] += w * float64(x)
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

func closeTo(t *testing.T, want []float64, got []float32) {
	t.Helper()
	for i := range want {
		require.InDelta(t, want[i], got[i], 2e-5)
	}
}

// attend is AttendVarlen with its options in a row.
func attend(ex *Exec, f Format, byHead bool, dst, qkv Tensor, heads, dim int, bounds []int32, scale float32) {
	ex.AttendVarlen(dst, qkv, Varlen{
		Heads: heads, Dim: dim, ByHead: byHead, Bounds: bounds, Scale: scale, Format: f})
}

func TestAttendVarlen(t *testing.T) {
	for _, dim := range []int{4, 20, 24, 64, 80, 128} {
		for _, bounds := range [][]int32{{0, 1}, {0, 5, 70}, {0, 64, 65, 65, 300}, {0, 257, 400}} {
			t.Run(fmt.Sprintf("dim=%d/%v", dim, bounds), func(t *testing.T) {
				const heads = 3
				rng := rand.New(rand.NewPCG(1, uint64(dim)))
				n := int(bounds[len(bounds)-1])
				qkv := random(rng, n, 3*heads*dim)
				scale := float32(1 / math.Sqrt(float64(dim)))
				ex := NewExec(2)
				defer ex.Close()
				got := New(n, heads*dim)
				attend(ex, F32, false, got, qkv, heads, dim, bounds, scale)

				byHead := New(n, qkv.Cols)
				q, k, v := New(n, heads*dim), New(n, heads*dim), New(n, heads*dim)
				for r := range n {
					for h := range heads {
						for part, dst := range []Tensor{q, k, v} {
							x := qkv.Row(r)[(part*heads+h)*dim : (part*heads+h+1)*dim]
							copy(byHead.Row(r)[(h*3+part)*dim:], x)
							copy(dst.Row(r)[h*dim:], x)
						}
					}
				}
				for s := range len(bounds) - 1 {
					lo, hi := int(bounds[s]), int(bounds[s+1])
					for h := range heads {
						var keys, values [][]float32
						for r := lo; r < hi; r++ {
							keys = append(keys, k.Row(r)[h*dim:(h+1)*dim])
							values = append(values, v.Row(r)[h*dim:(h+1)*dim])
						}
						for r := lo; r < hi; r += 7 {
							closeTo(t, naive(q.Row(r)[h*dim:(h+1)*dim], keys, values, float64(scale)), got.Row(r)[h*dim:(h+1)*dim])
						}
					}
				}
				other := New(n, heads*dim)
				attend(ex, F32, true, other, byHead, heads, dim, bounds, scale)
				testkit.SameBits(t, got.data, other.data)
				ex.AttendCross(other, q, k, v, heads, dim, bounds, bounds, scale)
				testkit.SameBits(t, got.data, other.data)
				one := NewExec(1)
				defer one.Close()
				attend(one, F32, false, other, qkv, heads, dim, bounds, scale)
				testkit.SameBits(t, got.data, other.data)
			})
		}
	}
}

func TestAttendPaged(t *testing.T) {
	for _, layout := range []KVLayout{{Heads: 1, KeyDim: 16, ValueDim: 16}, {Heads: 2, KeyDim: 24, ValueDim: 24}, {Heads: 2, KeyDim: 72, ValueDim: 40}, {Heads: 2, KeyDim: 72, ValueDim: 40, Format: F16}, {Heads: 1, KeyDim: 5, ValueDim: 3, Format: F16}} {
		for _, group := range []int{1, 2, 6} {
			t.Run(fmt.Sprintf("%+v/group=%d", layout, group), func(t *testing.T) {
				const n, at = 330, 32
				heads := layout.Heads * group
				rng := rand.New(rand.NewPCG(2, uint64(group)))
				q, k, v := random(rng, n, heads*layout.KeyDim), random(rng, n, layout.Heads*layout.KeyDim), random(rng, n, layout.Heads*layout.ValueDim)
				if layout.Format == F16 { // what the cache keeps
					for _, x := range [][]float32{k.data, v.data} {
						for i := range x {
							x[i] = half.FromF16(half.ToF16(x[i]))
						}
					}
				}
				scale := float32(1 / math.Sqrt(float64(layout.KeyDim)))
				run := func(threads, chunk int) Tensor {
					ex := NewExec(threads)
					defer ex.Close()
					out := New(n, heads*layout.ValueDim)
					var blocks [][]float32
					for range (n + TileKeys - 1) / TileKeys {
						blocks = append(blocks, make([]float32, at+layout.Floats()))
					}
					for lo := 0; lo < n; lo += chunk {
						hi := min(lo+chunk, n)
						seqs := []KVRows{{RowLo: 0, RowHi: hi - lo, Pos: lo, Blocks: blocks}}
						ex.AppendKV(k.Slice(lo, hi), v.Slice(lo, hi), seqs, layout, at)
						ex.AttendPaged(out.Slice(lo, hi), q.Slice(lo, hi), seqs, layout, at, heads, scale)
					}
					return out
				}
				got := run(2, n)
				for h := range heads {
					kv := h / group
					var keys, values [][]float32
					for r := range n {
						keys = append(keys, k.Row(r)[kv*layout.KeyDim:(kv+1)*layout.KeyDim])
						values = append(values, v.Row(r)[kv*layout.ValueDim:(kv+1)*layout.ValueDim])
						if r%11 == 0 {
							closeTo(t, naive(q.Row(r)[h*layout.KeyDim:(h+1)*layout.KeyDim], keys, values, float64(scale)), got.Row(r)[h*layout.ValueDim:(h+1)*layout.ValueDim])
						}
					}
				}
				for _, o := range [][2]int{{1, n}, {1, 1}, {2, 7}, {3, 64}, {2, 100}} {
					testkit.SameBits(t, got.data, run(o[0], o[1]).data)
				}
			})
		}
	}
}

func TestAttentionMisuse(t *testing.T) {
	ex := NewExec(1)
	defer ex.Close()
	require.PanicsWithValue(t, badShape, func() { attend(ex, F32, false, New(4, 8), New(4, 25), 2, 4, []int32{0, 4}, 1) })
	require.PanicsWithValue(t, badSegments, func() { attend(ex, F32, false, New(4, 8), New(4, 24), 2, 4, []int32{0, 3}, 1) })
	require.PanicsWithValue(t, badSegments, func() { attend(ex, F32, false, New(4, 8), New(4, 24), 2, 4, []int32{0, 3, 2, 4}, 1) })
	require.PanicsWithValue(t, badFormat, func() { attend(ex, BF16, false, New(4, 8), New(4, 24), 2, 4, []int32{0, 4}, 1) })
	layout := KVLayout{Heads: 2, KeyDim: 4, ValueDim: 4}
	require.PanicsWithValue(t, badShape, func() { ex.AttendPaged(New(1, 12), New(1, 12), nil, layout, 0, 3, 1) })
	require.PanicsWithValue(t, badShape, func() { ex.AppendKV(New(1, 8), New(1, 7), nil, layout, 0) })
}
