package kernel

// Packing weights to 8 and 4 bits: how near they come back, padding, values that are not finite.

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// quantBits names the packed formats in tests by the size of a weight.
var quantBits = []int{8, 4}

// packMatrix packs all panels of an n by k matrix in one of the formats.
func packMatrix(bits int, w []float32, n, k int) (panels []uint8, scales []float32, bf []uint16) {
	size, count := PackedInt8Len(n, k)
	if bits == 4 {
		size, count = PackedInt4Len(n, k)
		bf = make([]uint16, count)
	} else {
		scales = make([]float32, count)
	}
	panels = make([]uint8, size)
	for i := range panels {
		panels[i] = 0xa5
	}
	for row0 := 0; row0 < n; row0 += PanelRows {
		rows := w[row0*k : min(n, row0+PanelRows)*k]
		if bits == 4 {
			PackInt4(panels, bf, rows, row0, n, k)
		} else {
			PackInt8(panels, scales, rows, row0, n, k)
		}
	}
	return panels, scales, bf
}

func unpackRow(dst []float32, panels []uint8, scales []float32, bf []uint16, row, n, k int) {
	if bf != nil {
		UnpackInt4Row(dst, panels, bf, row, n, k)
	} else {
		UnpackInt8Row(dst, panels, scales, row, n, k)
	}
}

// What is packed comes back to within half a step of its group.
func TestPackRoundTrip(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, bits := range quantBits {
			for _, n := range []int{1, 31, 32, 33, 70} {
				for _, k := range []int{0, 1, 5, 63, 64, 65, 127, 128, 129, 256, 333} {
					t.Run(fmt.Sprintf("bits=%d/n=%d/k=%d", bits, n, k), func(t *testing.T) {
						w := normal(rng, n*k)
						panels, scales, bf := packMatrix(bits, w, n, k)
						for row := range n {
							g := testkit.NewGuarded(k, row%4)
							unpackRow(g.Slice(), panels, scales, bf, row, n, k)
							g.Check(t)
							step := 1.0 / 127
							if bits == 4 {
								// All elements fit 16 levels of a step of at most 2·max/13; the
								// best may cut the largest off by more than half of it, but not one
								// by more than the error of that on all.
								step = 8 * 2.0 / 13
							}
							for g0 := 0; g0 < k; g0 += Group {
								want := w[row*k+g0 : row*k+min(k, g0+Group)]
								largest := float64(math.Float32frombits(largestBits(want)))
								for i, v := range want {
									require.InDelta(t, v, g.Slice()[g0+i], largest*step*0.5001)
								}
							}
						}
					})
				}
			}
		}
	})
}

// Every instruction set packs the same bytes.
func TestPackBitsAreThoseOfTheReference(t *testing.T) {
	const n, k = 64, 448
	rng := newRand()
	w := normal(rng, n*k)
	for i := range w { // rows of all magnitudes, some of few values with many ties
		w[i] *= float32(math.Exp2(float64(i/k*4 - 126)))
		if i/k%3 == 0 {
			w[i] = float32(rng.IntN(16)-8) / 2
		}
	}
	w[5], w[70], w[5*k], w[9*k+1] = inf, nan, math.MaxFloat32, -math.MaxFloat32
	for _, bits := range quantBits {
		var panels []uint8
		var scales []float32
		var bf []uint16
		func() {
			for _, name := range cpu.Names() {
				defer cpu.Disable(name)()
			}
			panels, scales, bf = packMatrix(bits, w, n, k)
		}()
		all(t, func(t *testing.T) {
			p, s, b := packMatrix(bits, w, n, k)
			require.Equal(t, panels, p)
			testkit.SameBits(t, scales, s)
			require.Equal(t, bf, b)
		})
	}
}

// Weights that have 16 values already, from a zero on or not, stay as they are but for the rounding
// of their scale.
func TestPackInt4KeepsSixteenLevels(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, scale := range []float32{1, -1, 0x1p-90, 0x1.8p90} {
			for _, lowest := range []int{-8, -7, -12, 0} {
				w := make([]float32, 128)
				for i := range w {
					w[i] = scale * float32(lowest+rng.IntN(16))
				}
				w[3], w[64], w[67] = scale*float32(lowest), scale*float32(lowest),
					scale*float32(lowest+15)
				w[4] = w[67]
				panels, _, bf := packMatrix(4, w, 1, len(w))
				got := make([]float32, len(w))
				UnpackInt4Row(got, panels, bf, 0, 1, len(w))
				for i, v := range w {
					require.InDelta(t, v/scale, got[i]/scale, 0x1p-8*math.Abs(float64(v/scale)))
				}
			}
		}
	})
}

// Padding along n and k is weights of 0 and, for whole rows, scales of 0.
func TestPackPadding(t *testing.T) {
	const n, k = 33, 65
	w := make([]float32, n*k)
	for i := range w {
		w[i] = 1
	}
	panels, scales, _ := packMatrix(8, w, n, k)
	require.Len(t, panels, 2*32*128)
	for i, b := range panels {
		row, col := i/4096*32+i%128/4, i%4096/128*4+i%4
		if row < n && col < k {
			require.EqualValues(t, 255, b)
		} else {
			require.EqualValues(t, 128, b)
		}
	}
	for i, s := range scales {
		require.Equal(t, i < n, s != 0)
	}
	panels, _, bf := packMatrix(4, w, n, k)
	require.Len(t, panels, 2*(128+2*1024))
	for i, b := range panels {
		panel, at := i/(128+2048), i%(128+2048)
		if at < 128 {
			continue
		}
		at -= 128
		row := panel*32 + at%128/4
		for half := range 2 {
			col := at/128*8 + half*4 + at%4
			sz := panels[panel*(128+2048)+col/64*32+row%32]
			weight := int(sz&15) * (int(b>>(4*half)&15) - int(sz>>4))
			require.Equal(t, row < n && col < k, weight != 0, "row %d, column %d", row, col)
		}
	}
	for i, s := range bf {
		require.Equal(t, i < n, s != 0)
	}
}

// The steps and zeros that are taken are much better than max/7 for each part, also for weights
// with few large ones or to one side.
func TestPackInt4Error(t *testing.T) {
	rng := newRand()
	const n, k = 64, 1024
	for name, c := range map[string]struct {
		draw  func() float64
		bound float64
	}{
		"normal":   {rng.NormFloat64, 0.0892},
		"laplace":  {func() float64 { return rng.ExpFloat64() * float64(1-2*rng.IntN(2)) }, 0.1145},
		"one side": {rng.ExpFloat64, 0.07},
	} {
		t.Run(name, func(t *testing.T) {
			w := make([]float32, n*k)
			for i := range w {
				w[i] = float32(c.draw())
			}
			panels, _, bf := packMatrix(4, w, n, k)
			row := make([]float32, k)
			var got, simple, size float64
			for r := range n {
				UnpackInt4Row(row, panels, bf, r, n, k)
				for g := 0; g < k; g += 64 {
					group := w[r*k+g:][:64]
					s := math.Float32frombits(largestBits(group)) / 7
					for i, v := range group {
						got += math.Pow(float64(v-row[g+i]), 2)
						simple += math.Pow(float64(v)-float64(s)*math.RoundToEven(float64(v/s)), 2)
						size += float64(v) * float64(v)
					}
				}
			}
			t.Logf("relative error %.4f, with max/7 %.4f", math.Sqrt(got/size),
				math.Sqrt(simple/size))
			require.Less(t, math.Sqrt(got/size), c.bound)
			require.Less(t, got, 0.75*simple)
		})
	}
}

// Weights that are not finite must show.
func TestPackNotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, bad := range []float32{nan, inf, negInf} {
				const n, k = 33, 400
				w := normal(newRand(), n*k)
				w[32*k+350] = bad
				panels, scales, bf := packMatrix(bits, w, n, k)
				row := make([]float32, k)
				unpackRow(row, panels, scales, bf, 32, n, k)
				require.True(t, row[350] != row[350])
				require.False(t, row[0] != row[0])
				unpackRow(row, panels, scales, bf, 31, n, k)
				for _, v := range row {
					require.False(t, v != v)
				}
			}
		}
	})
}

func TestPackMisuse(t *testing.T) {
	const n, k = 40, 100
	p8, s8 := PackedInt8Len(n, k)
	p4, s4 := PackedInt4Len(n, k)
	bytes, floats, halves, w := make([]uint8, p8), make([]float32, s8), make([]uint16, s4),
		make([]float32, 32*k)
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"int8 row0":          {badPanel, func() { PackInt8(bytes, floats, w, 8, n, k) }},
		"int8 row0 negative": {badPanel, func() { PackInt8(bytes, floats, w, -32, n, k) }},
		"int8 row0 past end": {badPanel, func() { PackInt8(bytes, floats, w, 64, n, k) }},
		"int8 rows":          {badLength, func() { PackInt8(bytes, floats, w[1:], 0, n, k) }},
		"int8 last rows":     {"", func() { PackInt8(bytes, floats, w[:8*k], 32, n, k) }},
		"int8 panels":        {badLength, func() { PackInt8(bytes[1:], floats, w, 0, n, k) }},
		"int8 scales":        {badLength, func() { PackInt8(bytes, floats[1:], w, 0, n, k) }},
		"int8 k":             {badSize, func() { PackInt8(bytes, floats, w, 0, n, -1) }},
		"int8 n":             {badSize, func() { PackedInt8Len(-1, 5) }},
		"int4 row0":          {badPanel, func() { PackInt4(bytes[:p4], halves, w, 8, n, k) }},
		"int4 rows":          {badLength, func() { PackInt4(bytes[:p4], halves, w[1:], 0, n, k) }},
		"int4 panels":        {badLength, func() { PackInt4(bytes[:p4-1], halves, w, 0, n, k) }},
		"int4 scales":        {badLength, func() { PackInt4(bytes[:p4], halves[1:], w, 0, n, k) }},
		"int4 n":             {badSize, func() { PackedInt4Len(-1, 5) }},
		"unpack int8 row":    {badPanel, func() { UnpackInt8Row(w, bytes, floats, n, n, k) }},
		"unpack int8 dst":    {badLength, func() { UnpackInt8Row(w[:k-1], bytes, floats, 0, n, k) }},
		"unpack int8 panels": {badLength, func() { UnpackInt8Row(w, bytes[1:], floats, 0, n, k) }},
		"unpack int4 row":    {badPanel, func() { UnpackInt4Row(w, bytes, halves, -1, n, k) }},
		"unpack int4 scales": {badLength, func() { UnpackInt4Row(w, bytes, halves[1:], 0, n, k) }},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == "" {
				require.NotPanics(t, c.call)
			} else {
				require.PanicsWithValue(t, c.want, c.call)
			}
		})
	}
}
