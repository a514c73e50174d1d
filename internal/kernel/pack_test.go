package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// bitsOf names the packed formats in tests by the size of a weight.
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
							group, step := GroupInt8, 1.0/127
							if bits == 4 {
								// A scale up to max/7 in steps of a bfloat16; the best may cut the largest elements off by
								// much more than half a step, but not one by more than the error of max/8 on all.
								group, step = GroupInt4, 8.0/7
							}
							for g0 := 0; g0 < k; g0 += group {
								want := w[row*k+g0 : row*k+min(k, g0+group)]
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

// Weights that have 16 values already, with a scale of few bits, stay as they are.
func TestPackInt4KeepsSixteenLevels(t *testing.T) {
	all(t, func(t *testing.T) {
		rng := newRand()
		for _, scale := range []float32{1, -1, 0x1p-90, 0x1.8p90} {
			for _, lowest := range []int{-8, -7} {
				w := make([]float32, GroupInt4)
				for i := range w {
					w[i] = scale * float32(lowest+rng.IntN(8-lowest))
				}
				w[3] = scale * float32(lowest)
				panels, _, bf := packMatrix(4, w, 1, GroupInt4)
				got := make([]float32, GroupInt4)
				UnpackInt4Row(got, panels, bf, 0, 1, GroupInt4)
				require.Equal(t, w, got)
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
	require.Len(t, panels, 2*2*1024)
	for i, b := range panels {
		row := i/2048*32 + i%128/4
		for half := range 2 {
			col := i%2048/128*8 + half*4 + i%4
			nibble := b >> (4 * half) & 15
			if row < n && col < k {
				require.NotEqualValues(t, 8, nibble)
			} else {
				require.EqualValues(t, 8, nibble)
			}
		}
	}
	for i, s := range bf {
		require.Equal(t, i/64*32+i%32 < n, s != 0)
	}
}

// The scale that is taken is at least as good as each one tried, and much better than only max/7.
func TestPackInt4Error(t *testing.T) {
	rng := newRand()
	const n, k = 64, 1024
	w := normal(rng, n*k)
	panels, _, bf := packMatrix(4, w, n, k)
	row := make([]float32, k)
	var got, simple, size float64
	for r := range n {
		UnpackInt4Row(row, panels, bf, r, n, k)
		for g := 0; g < k; g += GroupInt4 {
			group := w[r*k+g:][:GroupInt4]
			s := math.Float32frombits(largestBits(group)) / 7
			for i, v := range group {
				got += math.Pow(float64(v-row[g+i]), 2)
				simple += math.Pow(float64(v)-float64(s)*math.RoundToEven(float64(v/s)), 2)
				size += float64(v) * float64(v)
			}
		}
	}
	t.Logf("relative error %.4f, with max/7 %.4f", math.Sqrt(got/size), math.Sqrt(simple/size))
	require.Less(t, math.Sqrt(got/size), 0.0915)
	require.Less(t, got, 0.75*simple)
}

// Weights that are not finite must show.
func TestPackNotFinite(t *testing.T) {
	all(t, func(t *testing.T) {
		for _, bits := range quantBits {
			for _, bad := range []float32{nan, inf, negInf} {
				const n, k = 33, 200
				w := normal(newRand(), n*k)
				w[32*k+150] = bad
				panels, scales, bf := packMatrix(bits, w, n, k)
				row := make([]float32, k)
				unpackRow(row, panels, scales, bf, 32, n, k)
				require.True(t, row[150] != row[150])
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
	bytes, floats, halves, w := make([]uint8, p8), make([]float32, s8), make([]uint16, s4), make([]float32, 32*k)
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
