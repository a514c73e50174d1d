package jpeg

// Lossless scans: differences to a prediction from the samples around, Huffman-coded.

// lossScan is the state of a lossless scan.
type lossScan struct {
	rowsToGo int
	first    [4]bool // the component's next row has none above it
}

// startLossless checks the scan.
//
// Source: T.81, annex H; libjpeg-turbo, jdlossls.c and jddiffct.c.
func (d *decoder) startLossless() error {
	if d.arithmetic {
		return UnsupportedError("arithmetic coding of lossless pictures")
	}
	if d.ss < 1 || d.ss > 7 || d.se != 0 || d.ah != 0 || d.al > 7 {
		return errProgression
	}
	for _, c := range d.scan {
		if c.dcTable > 3 || d.dc[c.dcTable] == nil {
			return FormatError("no Huffman table")
		}
		if err := d.huff.dcTables[c.dcTable].build(d.dc[c.dcTable], 16); err != nil {
			return err
		}
	}
	if d.interval%d.mcusPerRow != 0 {
		return FormatError("restart interval that ends within a row")
	}
	d.bits = bitReader{}
	d.pred.rowsToGo = d.interval / d.mcusPerRow
	d.pred.first = [4]bool{true, true, true, true}
	return nil
}

// decodeLossless reads all scans. Where there are several, the samples of all are kept.
func (d *decoder) decodeLossless() error {
	for i := range d.comps {
		c := &d.comps[i]
		c.diff, c.undiff = make([]int32, c.v*c.stride), make([]int32, c.v*c.stride)
	}
	for {
		for _, c := range d.scan {
			if d.several && c.samples == nil {
				c.samples = make([]uint8, c.stride*ceilDiv(c.blocksHigh, c.v)*c.v)
			}
		}
		for row := range d.mcuRows {
			if err := d.losslessRow(row); err != nil {
				return err
			}
			for _, c := range d.scan {
				for y := range d.samplesHigh(c, row) {
					to := c.rows.row(row*c.v + y)
					if d.several {
						to = c.samples[(row*c.v+y)*c.stride:]
					}
					for x, v := range c.undiff[y*c.stride:][:c.blocksWide] {
						to[x] = uint8(v << d.al)
					}
				}
			}
			if !d.several {
				d.emit(row)
			}
		}
		if !d.several {
			return d.finish()
		}
		if more, err := d.nextScan(); err != nil {
			return err
		} else if !more {
			break
		}
	}
	for i := range d.comps {
		if d.comps[i].samples == nil {
			return FormatError("no scan of a component")
		}
	}
	for row := range d.mcuRows {
		for i := range d.comps {
			c := &d.comps[i]
			for y := range d.samplesHigh(c, row) {
				copy(c.rows.row(row*c.v+y), c.samples[(row*c.v+y)*c.stride:][:c.blocksWide])
			}
		}
		d.emit(row)
	}
	return nil
}

// samplesHigh returns how many rows of a component count in a row of MCUs.
func (d *decoder) samplesHigh(c *component, row int) int {
	if row == d.mcuRows-1 {
		return (c.blocksHigh-1)%c.v + 1
	}
	return c.v
}

// losslessRow decodes a row of the frame's MCUs and undoes its prediction.
func (d *decoder) losslessRow(row int) error {
	for y := range d.scanRows(row) {
		if d.interval != 0 {
			if d.pred.rowsToGo == 0 {
				if err := d.restartDue(); err != nil {
					return err
				}
				d.pred.first = [4]bool{true, true, true, true}
				d.pred.rowsToGo = d.interval / d.mcusPerRow
			}
			d.pred.rowsToGo--
		}
		if d.bits.starved { // gray
			for _, c := range d.scan {
				clear(c.diff[y*c.stride:])
			}
			d.pred.first = [4]bool{true, true, true, true}
			continue
		}
		for col := range d.mcusPerRow {
			bits, pos := d.bits, d.src.pos
			for !d.losslessMCU(y, col) {
				d.bits, d.src.pos = bits, pos
				if !d.src.more() {
					return ErrTruncated
				}
			}
		}
	}
	for _, c := range d.scan {
		above := c.undiff[(c.v-1)*c.stride:]
		for y := range d.samplesHigh(c, row) {
			out := c.undiff[y*c.stride:][:c.blocksWide]
			d.predict(out, above, c.diff[y*c.stride:], d.pred.first[c.index])
			d.pred.first[c.index] = false
			above = out
		}
	}
	return nil
}

func (d *decoder) losslessMCU(y, col int) bool {
	acc, n, ok := d.bits.acc, d.bits.n, true
	for i := range d.blocks {
		of := &d.blocks[i]
		size, v := 0, 0
		if size, acc, n, ok = d.symbol(&d.huff.dcTables[of.c.dcTable&3], acc, n); !ok {
			return false
		}
		if size == 16 {
			v = 32768
		} else if size > 0 {
			if v, acc, n, ok = d.take(size, acc, n); !ok {
				return false
			}
			v = extend(v, size)
		}
		of.c.diff[(y+of.dy)*of.c.stride+col*of.c.mcuW+of.dx] = int32(v)
	}
	d.bits.acc, d.bits.n = acc, n
	return true
}

// predict adds the prediction to a row of differences.
//
// Source: T.81, table H.1.
func (d *decoder) predict(out, above, diff []int32, first bool) {
	left := above[0]
	if first {
		left = 1 << (8 - d.al - 1)
	}
	left = (diff[0] + left) & 0xffff
	corner := above[0]
	out[0] = left
	for x := 1; x < len(out); x++ {
		p, up := left, above[x]
		if !first {
			switch d.ss {
			case 2:
				p = up
			case 3:
				p = corner
			case 4:
				p = left + up - corner
			case 5:
				p = left + (up-corner)>>1
			case 6:
				p = up + (left-corner)>>1
			case 7:
				p = (left + up) >> 1
			}
		}
		left, corner = (diff[x]+p)&0xffff, up
		out[x] = left
	}
}
