package kernel

// Kernels read and write nothing beside their operands: each runs with operands that end where
// unreadable memory begins.

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// fenced returns two copies of src, one that ends where unreadable memory begins and one that
// begins where it ends: a mapped checkpoint's last weights lie like that, and a read outside of
// them would be a crash.
func fenced[T float32 | uint16 | uint8 | int8 | int16 | int32](t *testing.T, src []T) [2][]T {
	t.Helper()
	size := len(src) * int(unsafe.Sizeof(src[0]))
	page := os.Getpagesize()
	inside := (size + page - 1) / page * page
	var copies [2][]T
	for i, at := range [2]int{page + inside - size, page} {
		mem, err := syscall.Mmap(-1, 0, inside+2*page, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_ANON|syscall.MAP_PRIVATE)
		require.NoError(t, err)
		t.Cleanup(func() { _ = syscall.Munmap(mem) })
		require.NoError(t, syscall.Mprotect(mem[:page], syscall.PROT_NONE))
		require.NoError(t, syscall.Mprotect(mem[page+inside:], syscall.PROT_NONE))
		copies[i] = unsafe.Slice((*T)(unsafe.Pointer(&mem[at])), len(src))
		copy(copies[i], src)
	}
	return copies
}

func TestMatMulReadsOnlyItsOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for format, name := range formatNames {
			for _, m := range []int{1, 2, 6, 7, 30} {
				for _, k := range []int{1, 7, 8, 9, 15, 16, 17, 31, 40, 100, 1031} {
					for _, n := range []int{1, 5, 8} {
						t.Run(fmt.Sprintf("fmt=%s/m=%d/n=%d/k=%d", name, m, n, k), func(t *testing.T) {
							p := newProduct(rng, format, m, n, k, k)
							want, got := make([]float32, m*n), make([]float32, m*n)
							p.run(want, n, 0, m, 0, n)
							xs, fs := fenced(t, p.x), fenced(t, p.f32)
							us := [2][]uint16{}
							if format != formatF32 {
								us = fenced(t, p.u16)
							}
							for side := range 2 {
								p.x, p.f32, p.u16 = xs[side], fs[side], us[side]
								p.run(got, n, 0, m, 0, n)
								testkit.SameBits(t, want, got)
							}
						})
					}
				}
			}
		}
	})
}

func TestRowFunctionsReadOnlyTheirOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for n := 1; n < 70; n++ {
			src, bits := normal(rng, n), make([]uint16, n)
			x, w, b, u := fenced(t, src), fenced(t, src), fenced(t, src), fenced(t, bits)
			half := fenced(t, normal(rng, max(1, n/2)))
			for side := range 2 {
				x, w, b, u, h := x[side], w[side], b[side], u[side], half[side][:n/2]
				Max(x)
				Dot(x, w)
				Add(x, w)
				Mul(x, w)
				Scale(x, 0.5)
				SiLUMul(x, w, b)
				RMSNorm(x, x, w, 1e-6)
				LayerNorm(x, x, w, b, 1e-6)
				for _, f := range []func([]float32){Sigmoid, SiLU, QuickGELU, GELU, GELUTanh} {
					f(x)
				}
				ExpSub(x, 1)
				RotateHalf(x[:n/2*2], h, h)
				RotatePairs(x[:n/2*2], h, h)
				BF16ToF32(x, u)
				F16ToF32(x, u)
			}
		}
	})
}

func TestPanelReadsOnlyItsOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, m := range []int{1, 3, 13} {
			for n := 1; n < 70; n += 3 {
				const k = 5
				a, b, c := fenced(t, normal(rng, m*k)), fenced(t, normal(rng, k*n)),
					fenced(t, normal(rng, m*n))
				tr := fenced(t, make([]float32, m*n))
				for side := range 2 {
					MatMulPanel(c[side], n, a[side], k, m, b[side], n, n, k, true)
					Transpose(tr[side], m, c[side], n, m, n)
				}
				testkit.SameBits(t, c[0], c[1])
				testkit.SameBits(t, tr[0], tr[1])
			}
		}
	})
}

func TestPanelF16ReadsOnlyItsOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for m := 1; m <= 9; m++ {
			for n := 1; n < 70; n += 3 {
				const k = 5
				a, b, c := fenced(t, normal(rng, m*k)), fenced(t, halfPanel(k*n, false)),
					fenced(t, normal(rng, m*n))
				scratch := fenced(t, make([]float32, k*n))
				for side := range 2 {
					MatMulPanelF16(c[side], n, a[side], k, m, b[side], n, n, k, true, scratch[side],
						a[side])
				}
				testkit.SameBits(t, c[0], c[1])
			}
		}
	})
}

func TestQuantReadsOnlyItsOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, m := range []int{1, 5, 13, 64} {
				for _, s := range []struct{ n, k int }{{1, 1}, {32, 128}, {45, 300}, {32, 512}} {
					p := newQuantProduct(newRand(), bits, m, s.n, s.k)
					p.q = p.q[:len(p.q)-64] // what follows the last row's groups is never read
					x := fenced(t, normal(newRand(), m*s.k))
					q, scale, sums := fenced(t, p.q), fenced(t, p.scale), fenced(t, p.sums)
					panels, y := fenced(t, p.panels), fenced(t, make([]float32, m*s.n))
					f32, bf := [2][]float32{}, [2][]uint16{}
					if bits == 4 {
						bf = fenced(t, p.bf16)
					} else {
						f32 = fenced(t, p.f32)
					}
					rows := fenced(t, normal(newRand(), min(32, s.n)*s.k))
					row := fenced(t, make([]float32, s.k))
					for side := range 2 {
						f := &quantProduct{bits, m, s.n, s.k, q[side], scale[side], sums[side],
							panels[side], f32[side], bf[side]}
						f.run(y[side], s.n, 0, m, 0, panelsOf(s.n))
						testkit.SameBits(t, y[0], y[side])
						QuantizeRows(f.q, f.scale, f.sums, x[side], s.k, m, s.k)
						require.Equal(t, q[0][:wholeParts(s.k)], f.q[:wholeParts(s.k)])
						if bits == 4 {
							PackInt4(f.panels, f.bf16, rows[side], 0, s.n, s.k)
						} else {
							PackInt8(f.panels, f.f32, rows[side], 0, s.n, s.k)
						}
						unpackRow(row[side], f.panels, f.f32, f.bf16, s.n-1, s.n, s.k)
					}
				}
			}
		}
	})
}

func TestQuantizedAttentionReadsOnlyItsOperands(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, k := range []int{1, 15, 16, 17, 72, 80} {
			for _, m := range []int{1, 2, 13, 32} {
				rng := newRand()
				h := newHead(rng, m, k, 0)
				cols, depth := ValueCols(k), WeightKeys(m)
				x, center, gain, scratch := fenced(t, h.x), fenced(t, h.center), fenced(t, h.gain),
					fenced(t, h.scratch)
				q, panel, bytes := fenced(t, h.q), fenced(t, h.panel), fenced(t, h.bytes)
				scale, sums := fenced(t, h.scale), fenced(t, h.sums)
				y, top, sum := fenced(t, make([]float32, m*max(32, depth))),
					fenced(t, make([]float32, m)), fenced(t, make([]float32, m))
				p, values := fenced(t, make([]int16, m*depth)), fenced(t, make([]int16, cols*depth))
				vscale, out := fenced(t, make([]float32, cols)), fenced(t, make([]float32, m*cols))
				for side := range 2 {
					h := &head{m, k, k, x[side], center[side], gain[side], q[side], scale[side],
						sums[side], panel[side], scratch[side], bytes[side]}
					h.quantize()
					h.pack()
					lds := max(32, depth)
					MatMulKeys(y[side], lds, h.q, h.scale, h.sums, m, h.panel, h.scale, 1, k)
					SoftmaxInt16(p[side], depth, y[side][:(m-1)*lds+depth], lds, m, m, top[side],
						sum[side])
					PackValues(values[side], vscale[side], h.x, k, m, k)
					MatMulValues(out[side], cols, p[side], depth, m, values[side], vscale[side], k,
						m, false)
					Ranges(h.center[:k], h.gain[:k], h.x, k, m)
				}
				testkit.SameBits(t, out[0], out[1])
			}
		}
	})
}
