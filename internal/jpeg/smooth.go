package jpeg

// Smoothing of progressive pictures of which scans are missing: coefficients not yet known are
// estimated from the DC values of the 24 blocks around.
//
// Source: libjpeg-turbo, decompress_smooth_data, which extends T.81, K.8; the weights are its.

// kernel weighs the DC values of five by five blocks.
type kernel [25]int32

func (k kernel) transposed() kernel {
	var t kernel
	for i, w := range k {
		t[i%5*5+i/5] = w
	}
	return t
}

// Kernels of the first ten places of the zigzag: rough where no AC coefficient is known at all,
// where the DC value is smoothed too, fine where some are.
var rough, fine = kernels()

func kernels() (rough, fine [10]kernel) {
	rough[0] = kernel{
		-2, -6, -8, -6, -2,
		-6, 6, 42, 6, -6,
		-8, 42, 152, 42, -8,
		-6, 6, 42, 6, -6,
		-2, -6, -8, -6, -2,
	}
	rough[1] = kernel{
		-1, -1, 0, 1, 1,
		-3, 13, 0, -13, 3,
		-3, 38, 0, -38, 3,
		-3, 13, 0, -13, 3,
		-1, -1, 0, 1, 1,
	}
	rough[2] = rough[1].transposed()
	rough[3] = kernel{2: 1, 6: 2, 7: 7, 8: 2, 11: -5, 12: -14, 13: -5, 16: 2, 17: 7, 18: 2, 22: 1}
	rough[4] = kernel{0: -1, 4: 1, 6: 9, 8: -9, 16: -9, 18: 9, 20: 1, 24: -1}
	rough[5] = rough[3].transposed()
	rough[6] = kernel{6: 1, 8: -1, 11: 2, 13: -2, 16: 1, 18: -1}
	rough[7] = kernel{6: 1, 7: -3, 8: 1, 16: -1, 17: 3, 18: -1}
	rough[8] = rough[7].transposed()
	rough[9] = rough[6].transposed()
	fine[1] = kernel{10: -7, 11: 50, 13: -50, 14: 7}
	fine[2] = fine[1].transposed()
	fine[3] = kernel{2: -1, 7: 13, 12: -24, 17: 13, 22: -1}
	fine[4] = kernel{
		1: -1, 3: 1, 5: -1, 6: 10, 8: -10, 9: 1,
		15: 1, 16: -10, 18: 10, 19: -1, 21: 1, 23: -1,
	}
	fine[5] = fine[3].transposed()
	return rough, fine
}

// smoothing reports whether blocks are to be smoothed: all DC values are known in part, and some
// coefficient is not in full.
func (d *decoder) smoothing() bool {
	if !d.progressive {
		return false
	}
	useful := false
	for i := range d.comps {
		c := &d.comps[i]
		if c.quant == nil || c.bits[0] < 0 {
			return false
		}
		for k := range 10 {
			if c.quant.raw[natural[k]] == 0 {
				return false
			}
			useful = useful || k > 0 && c.bits[k] != 0
		}
		if d.scans == 1 {
			for k := range c.before {
				c.before[k] = -1
			}
		}
	}
	return useful
}

// smooth estimates what is missing in block (x, y) of a row of MCUs in which rows block rows count.
func (d *decoder) smooth(c *component, b *block, x, y, row, rows int) {
	known := &c.bits
	if row > d.lastGood { // the last scan did not come this far
		known = &c.before
	}
	none := true
	for k := 1; k < 10; k++ {
		none = none && known[k] == -1
	}
	// The rows above and below, as far as libjpeg-turbo looks: it numbers them by the count of this
	// row of MCUs, which is smaller in the last one.
	at, number, all := row*c.v+y, row*rows+y, rows*d.mcuRows
	above, below := min(number, 2), min(all-1-number, 2)
	var window [25]int32
	for i := range window {
		dy, dx := min(max(i/5-2, -above), below), i%5-2
		window[i] = int32(c.at(min(max(x+dx, 0), c.blocksWide-1), at+dy)[0])
	}
	set, most := &fine, 6
	if none {
		set, most = &rough, 10
	}
	q0 := int64(c.quant.raw[0])
	estimate := func(k int) int64 {
		sum := int32(0)
		for i, w := range set[k] {
			sum += w * window[i]
		}
		num, q := q0*int64(sum), int64(c.quant.raw[natural[k]])
		pred := (q<<7 + max(num, -num)) / (q << 8)
		if al := known[k]; k > 0 && al > 0 {
			pred = min(pred, 1<<al-1)
		}
		if num < 0 {
			return -pred
		}
		return pred
	}
	for k := 1; k < most; k++ {
		if at := natural[k]; known[k] != 0 && b.c[at] == 0 {
			b.c[at] = int16(estimate(k))
		}
	}
	if none {
		b.c[0] = int16(estimate(0))
	}
}
