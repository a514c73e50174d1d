package jpeg

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// TestTransforms holds the short cuts of the transform, in Go and in assembly, against the plain
// form with the widths of libjpeg-turbo's, on blocks of every kind and far out of range.
func TestTransforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	both := func(f func()) {
		f()
		defer cpu.Disable("avx2")()
		f()
	}
	narrow := 0
	for i := range 20000 {
		var raw [64]uint16
		for k := range raw {
			raw[k] = uint16(1 + rng.IntN([]int{1, 40, 255, 65535}[i&3]))
		}
		table := newQuantTable(&raw)
		var b block
		within := []int{1, 3, 9, 28, 64}[rng.IntN(5)]
		size := []int{2, 20, 300, 2000, 1 << 16}[rng.IntN(5)]
		for k := range within {
			if rng.IntN(3) > 0 {
				b.c[natural[k]] = int16(rng.IntN(size) - size/2)
			}
		}
		b.c[0] = int16(rng.IntN(size) - size/2)
		if rng.IntN(8) == 0 { // one row only
			clear(b.c[8:])
		}
		b.measure()
		want := make([]uint8, 8*11)
		idctNarrow(want, 11, &b, table)
		both(func() {
			got := make([]uint8, 8*11)
			idct(got, 11, &b, table)
			require.Equal(t, want, got, "%v", b)
		})
		if !b.safe(table) {
			narrow++
		}
	}
	require.Greater(t, narrow, 1000)
}

// TestRows holds the assembly of rows against Go.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(n int) []uint8 {
		b := make([]uint8, n)
		for i := range b {
			b[i] = uint8(rng.Uint32())
			if rng.IntN(4) == 0 {
				b[i] = []uint8{0, 255}[rng.IntN(2)]
			}
		}
		return b
	}
	for n := 3; n < 200; n++ {
		a, b, c := random(n), random(n), random(n)
		run := func() (all [][]uint8) {
			rgb, h2, h2v2 := make([]uint8, 3*n), make([]uint8, 2*n), make([]uint8, 2*n)
			convertYCC(rgb, 3, a, b, c)
			smoothH2(h2, a)
			smoothH2V2(h2v2, a, b)
			return [][]uint8{rgb, h2, h2v2}
		}
		got := run()
		restore := cpu.Disable("avx2")
		want := run()
		restore()
		require.Equal(t, want, got, n)
	}
}
