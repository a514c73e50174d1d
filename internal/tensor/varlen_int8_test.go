package tensor

// Attention over segments in integers: how near it is, and that bits do not depend on company.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// relativeError is the norm of the difference over that of want, for some rows.
func relativeError(want, got Tensor, lo, hi int) float64 {
	var off, size float64
	for r := lo; r < hi; r++ {
		for c, v := range want.Row(r) {
			off += math.Pow(float64(got.Row(r)[c]-v), 2)
			size += float64(v) * float64(v)
		}
	}
	return math.Sqrt(off / size)
}

// channels changes what each head has in some channels of its queries (part 0), keys or values.
func channels(qkv Tensor, heads, dim, part int, f func(v float32) float32) {
	for r := range qkv.Rows {
		for h := range heads {
			x := qkv.Row(r)[(part*heads+h)*dim : (part*heads+h+1)*dim]
			for _, c := range []int{dim / 20, dim / 2, dim - 1} {
				x[c] = f(x[c])
			}
		}
	}
}

// The bounds are those that the documentation of attendInt8 gives, for every block of rows.
func TestAttendVarlenInt8Accuracy(t *testing.T) {
	times := func(f float32) func(float32) float32 { return func(v float32) float32 { return v * f } }
	plus := func(f float32) func(float32) float32 { return func(v float32) float32 { return v + f } }
	for _, c := range []struct {
		name   string
		bound  float64
		change func(qkv Tensor, heads, dim int)
	}{
		{"normal", 0.01, func(Tensor, int, int) {}},
		{"offset 10", 0.011, func(x Tensor, h, d int) { channels(x, h, d, 1, plus(10)) }},
		{"offset 30", 0.011, func(x Tensor, h, d int) { channels(x, h, d, 1, plus(30)) }},
		{"large 10", 0.025, func(x Tensor, h, d int) { channels(x, h, d, 1, times(10)) }},
		{"large 30", 0.03, func(x Tensor, h, d int) { channels(x, h, d, 1, times(30)) }},
		{"large keys, small queries", 0.011, func(x Tensor, h, d int) { channels(x, h, d, 1, times(30)); channels(x, h, d, 0, times(1./30)) }},
		{"large queries, offset 30", 0.03, func(x Tensor, h, d int) { channels(x, h, d, 0, times(30)); channels(x, h, d, 1, plus(30)) }},
		{"values", 0.015, func(x Tensor, h, d int) { channels(x, h, d, 2, times(30)) }},
		{"scores of deviation 3", 0.025, func(x Tensor, h, d int) {
			for r := range x.Rows {
				for i := range h * d {
					x.Row(r)[i] *= 3
				}
			}
		}},
		{"flat", 0.01, func(x Tensor, h, d int) {
			for r := range x.Rows {
				for i := range h * d {
					x.Row(r)[i] *= 0.01
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			testkit.AllImplementations(t, cpu.Names(), cpu.Disable, func(t *testing.T, isa string) {
				for _, dim := range []int{64, 72, 80, 128} {
					for _, bounds := range [][]int32{{0, 64, 128}, {0, 400}} {
						if isa == testkit.Go && dim != 80 {
							continue // the same bits but for the powers of two
						}
						const heads = 2
						rng := rand.New(rand.NewPCG(4, uint64(dim)))
						n := int(bounds[len(bounds)-1])
						qkv := random(rng, n, 3*heads*dim)
						c.change(qkv, heads, dim)
						ex := NewExec(2)
						defer ex.Close()
						want, got := New(n, heads*dim), New(n, heads*dim)
						scale := float32(1 / math.Sqrt(float64(dim)))
						attend(ex, F32, false, want, qkv, heads, dim, bounds, scale)
						attend(ex, Int8, false, got, qkv, heads, dim, bounds, scale)
						for lo := 0; lo < n; lo += 64 {
							e := relativeError(want, got, lo, min(lo+64, n))
							if lo == 0 {
								t.Logf("dim=%d, %v: %.4f", dim, bounds, e)
							}
							require.Less(t, e, c.bound, "dim=%d, rows from %d", dim, lo)
						}
					}
				}
			})
		})
	}
}

// Neither the number of threads, nor neighbors in the batch, nor where the heads lie changes any
// bit.
func TestAttendInt8Bits(t *testing.T) {
	ex, one := NewExec(3), NewExec(1)
	defer ex.Close()
	defer one.Close()
	testkit.AllImplementations(t, cpu.Names(), cpu.Disable, func(t *testing.T, isa string) {
		for _, dim := range []int{1, 20, 33, 80} {
			for _, bounds := range [][]int32{{0, 1}, {0, 5, 70}, {0, 64, 65, 65, 300}, {0, 256, 513}} {
				t.Run(fmt.Sprintf("dim=%d/%v", dim, bounds), func(t *testing.T) {
					const heads = 2
					rng := rand.New(rand.NewPCG(5, uint64(dim)))
					n := int(bounds[len(bounds)-1])
					qkv := random(rng, n, 3*heads*dim)
					byHead := New(n, qkv.Cols)
					for r := range n {
						for h := range heads {
							for part := range 3 {
								copy(byHead.Row(r)[(h*3+part)*dim:], qkv.Row(r)[(part*heads+h)*dim:(part*heads+h+1)*dim])
							}
						}
					}
					const scale = 0.25
					got, other := New(n, heads*dim), New(n, heads*dim)
					attend(ex, Int8, false, got, qkv, heads, dim, bounds, scale)
					attend(ex, Int8, true, other, byHead, heads, dim, bounds, scale)
					testkit.SameBits(t, got.data, other.data)
					clear(other.data)
					attend(one, Int8, false, other, qkv, heads, dim, bounds, scale)
					testkit.SameBits(t, got.data, other.data)
					clear(other.data)
					for s := range len(bounds) - 1 {
						lo, hi := int(bounds[s]), int(bounds[s+1])
						attend(one, Int8, false, other.Slice(lo, hi), qkv.Slice(lo, hi), heads, dim, []int32{0, int32(hi - lo)}, scale)
					}
					testkit.SameBits(t, got.data, other.data)
				})
			}
		}
	})
}

// A NaN or infinity spoils the rows that depend on it, and no others.
func TestAttendInt8NotFinite(t *testing.T) {
	testkit.AllImplementations(t, cpu.Names(), cpu.Disable, func(t *testing.T, isa string) {
		for _, bounds := range [][]int32{{0, 40, 70}, {0, 300, 340}} {
			for part, name := range []string{"q", "k", "v"} {
				for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					t.Run(fmt.Sprintf("%s/%v/%v", name, bad, bounds), func(t *testing.T) {
						const heads, dim, row, channel = 2, 20, 3, 7
						n := int(bounds[2])
						qkv := random(rand.New(rand.NewPCG(6, 0)), n, 3*heads*dim)
						qkv.Row(row)[(part*heads+1)*dim+channel] = bad
						ex := NewExec(2)
						defer ex.Close()
						got := New(n, heads*dim)
						attend(ex, Int8, false, got, qkv, heads, dim, bounds, 0.2)
						for r := range n {
							for c, v := range got.Row(r) {
								want := c >= dim && r < int(bounds[1])
								switch name {
								case "q":
									want = want && r == row
								case "v":
									want = want && c == dim+channel
								}
								require.Equal(t, want, v != v, "row %d, column %d: %v", r, c, v)
							}
						}
					})
				}
			}
		}
	})
}

// Zeros, a scale of zero and equal keys give the mean of the values.
func TestAttendInt8Equal(t *testing.T) {
	for _, keys := range []int{1, 7, 64, 300} {
		const dim = 24
		qkv := random(rand.New(rand.NewPCG(7, 0)), keys, 3*dim)
		for r := range keys {
			for c := range dim {
				qkv.Row(r)[dim+c] = float32(c)
			}
		}
		ex := NewExec(1)
		defer ex.Close()
		got := New(keys, dim)
		for _, scale := range []float32{1, 0} {
			attend(ex, Int8, false, got, qkv, 1, dim, []int32{0, int32(keys)}, scale)
			for c := range dim {
				var mean float64
				for r := range keys {
					mean += float64(qkv.Row(r)[2*dim+c]) / float64(keys)
				}
				for r := range keys {
					require.InDelta(t, mean, got.Row(r)[c], 0.005)
				}
			}
		}
	}
}

func TestAttendInt8Misuse(t *testing.T) {
	ex := NewExec(1)
	defer ex.Close()
	require.PanicsWithValue(t, badShape, func() { attend(ex, Int8, false, New(4, 8), New(4, 25), 2, 4, []int32{0, 4}, 1) })
	require.PanicsWithValue(t, badShape, func() { attend(ex, Int8, true, New(4, 7), New(4, 24), 2, 4, []int32{0, 4}, 1) })
	require.PanicsWithValue(t, badSegments, func() { attend(ex, Int8, false, New(4, 8), New(4, 24), 2, 4, []int32{0, 3}, 1) })
	require.PanicsWithValue(t, badSegments, func() { attend(ex, Int8, true, New(4, 8), New(4, 24), 2, 4, []int32{0, 3, 2, 4}, 1) })
	require.NotPanics(t, func() { attend(ex, Int8, false, New(0, 8), New(0, 24), 2, 4, []int32{0}, 1) })
}

// A call allocates what float32 does: the cuts of its segments.
func TestAttendInt8Allocates(t *testing.T) {
	const heads, dim, n = 2, 20, 600
	ex := NewExec(1)
	defer ex.Close()
	qkv, dst := random(rand.New(rand.NewPCG(8, 0)), n, 3*heads*dim), New(n, heads*dim)
	for _, bounds := range [][]int32{{0, n}, {0, 200, 400, n}} {
		float := testing.AllocsPerRun(5, func() { attend(ex, F32, false, dst, qkv, heads, dim, bounds, 1) })
		require.LessOrEqual(t, testing.AllocsPerRun(5, func() { attend(ex, Int8, false, dst, qkv, heads, dim, bounds, 1) }), float)
		ex.Trim()
	}
}

// BenchmarkAttend has the shapes of a vision tower: one picture, or windows of 64 patches.
func BenchmarkAttend(b *testing.B) {
	for _, c := range []struct{ rows, segment, dim int }{{1024, 1024, 80}, {6720, 6720, 80}, {6720, 64, 80}, {4096, 4096, 72}, {1024, 1024, 64}} {
		const heads = 16
		qkv, dst := random(rand.New(rand.NewPCG(9, 0)), c.rows, 3*heads*c.dim), New(c.rows, heads*c.dim)
		var bounds []int32
		for at := 0; at < c.rows; at += c.segment {
			bounds = append(bounds, int32(at))
		}
		bounds = append(bounds, int32(c.rows))
		names := cpu.Names()
		for i, isa := range names {
			for _, format := range []Format{F32, Int8} {
				b.Run(fmt.Sprintf("fmt=%v/rows=%d/segment=%d/heads=%d/dim=%d/isa=%s", format, c.rows, c.segment, heads, c.dim, isa), func(b *testing.B) {
					for _, wider := range names[:i] {
						defer cpu.Disable(wider)()
					}
					ex := NewExec(2)
					defer ex.Close()
					scale := float32(1 / math.Sqrt(float64(c.dim)))
					for b.Loop() {
						attend(ex, format, false, dst, qkv, heads, c.dim, bounds, scale)
					}
					b.ReportMetric(float64(heads*c.rows*c.segment)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gscore/s")
				})
			}
		}
	}
}
