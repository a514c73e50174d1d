package half

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// All 65536 patterns of both formats survive widening and rounding back.
func TestRoundTripEveryPattern(t *testing.T) {
	for i := range 1 << 16 {
		b := uint16(i)
		f := FromBF16(b)
		if f != f {
			require.Equal(t, b|0x40, ToBF16(f), "bf16 NaN %#04x", b)
		} else {
			require.Equal(t, b, ToBF16(f), "bf16 %#04x", b)
		}
		h := FromF16(b)
		if h != h {
			back := ToF16(h)
			require.True(t, back&0x7c00 == 0x7c00 && back&0x3ff != 0, "f16 NaN %#04x", b)
		} else {
			require.Equal(t, b, ToF16(h), "f16 %#04x", b)
		}
	}
}

// The widened half equals its definition: sign, exponent and mantissa put together in float64.
func TestFromF16IsTheDefinition(t *testing.T) {
	for i := range 1 << 16 {
		exp, man := i>>10&31, float64(i&1023)
		want := math.Ldexp(man, -24)
		switch {
		case exp == 31 && man != 0:
			continue
		case exp == 31:
			want = math.Inf(1)
		case exp > 0:
			want = math.Ldexp(1024+man, exp-25)
		}
		if i>>15 == 1 {
			want = -want
		}
		require.Equal(t, float32(want), FromF16(uint16(i)), "%#04x", i)
	}
}

// Between two neighbors the nearer one is taken, and in the middle the even one.
func TestRoundsToNearestEven(t *testing.T) {
	formats := []struct {
		name string
		last int // largest finite pattern
		from func(uint16) float32
		to   func(float32) uint16
	}{{"bf16", 0x7f7f, FromBF16, ToBF16}, {"f16", 0x7bff, FromF16, ToF16}}
	for _, fm := range formats {
		t.Run(fm.name, func(t *testing.T) {
			for i := range fm.last {
				lo, hi := uint16(i), uint16(i+1)
				mid := float32((float64(fm.from(lo)) + float64(fm.from(hi))) / 2)
				even := lo + lo&1
				require.Equal(t, even, fm.to(mid), "middle of %#04x", i)
				require.Equal(t, even|0x8000, fm.to(-mid), "middle of -%#04x", i)
				require.Equal(t, lo, fm.to(math.Nextafter32(mid, 0)), "below the middle of %#04x", i)
				require.Equal(t, hi, fm.to(math.Nextafter32(mid, math.MaxFloat32)), "above the middle of %#04x", i)
			}
			inf := fm.to(float32(math.Inf(1)))
			require.Equal(t, uint16(fm.last+1), inf)
			require.Equal(t, inf, fm.to(math.MaxFloat32))
		})
	}
}
