package jpeg

// Pictures of several scans: the coefficients of all blocks are kept until the last is read.

// at returns the coefficients of one block.
func (c *component) at(x, y int) *[64]int16 {
	return (*[64]int16)(c.coefs[(y*c.stride+x)*64:])
}

// decodeSeveral reads all scans, and then makes the picture.
func (d *decoder) decodeSeveral() error {
	for i := range d.comps {
		c := &d.comps[i]
		c.coefs = make([]int16, 64*c.stride*ceilDiv(c.blocksHigh, c.v)*c.v)
	}
	for {
		for row := range d.mcuRows {
			if err := d.decodeRow(row); err != nil {
				return err
			}
		}
		if more, err := d.nextScan(); err != nil {
			return err
		} else if !more {
			break
		}
	}
	smooth := d.smoothing()
	for i := range d.comps {
		if d.comps[i].quant == nil { // no scan of it came: gray
			d.comps[i].quant = new(quantTable)
		}
	}
	var b block
	for row := range d.mcuRows {
		for i := range d.comps {
			c := &d.comps[i]
			rows := c.v
			if row == d.mcuRows-1 {
				rows = (c.blocksHigh-1)%c.v + 1
			}
			for y := range rows {
				top := (row*c.v + y) * 8 % c.rows.n * c.rows.stride
				for x := range c.blocksWide {
					b.c = *c.at(x, row*c.v+y)
					if smooth {
						d.smooth(c, &b, x, y, row, rows)
					}
					b.measure()
					idct(c.rows.pix[top+8*x:], c.rows.stride, &b, c.quant)
				}
			}
		}
		d.emit(row)
	}
	return nil
}

// decodeRow reads one row of a scan's MCUs into the coefficients.
func (d *decoder) decodeRow(row int) error {
	var mcu [maxBlocks]*[64]int16
	for y := range d.scanRows(row) {
		for col := range d.mcusPerRow {
			if !d.bits.starved {
				d.lastGood = row
			}
			if d.huff.run > 0 && d.interval == 0 && d.ah == 0 && !d.bits.starved {
				d.huff.run-- // one of many empty blocks
				continue
			}
			for i := range d.blocks {
				of := &d.blocks[i]
				mcu[i] = of.c.at(col*of.c.mcuW+of.dx, row*of.c.v+y+of.dy)
			}
			var err error
			switch {
			case d.arithmetic && d.progressive:
				err = d.arithmeticProgressive(mcu[:len(d.blocks)])
			case d.progressive:
				err = d.progressiveMCU(mcu[:len(d.blocks)])
			default:
				err = d.laidMCU(mcu[:len(d.blocks)])
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// laidMCU decodes an MCU of a sequential scan over what lies in its blocks already: nothing, unless
// the scan repeats an earlier one.
func (d *decoder) laidMCU(to []*[64]int16) error {
	var mcu [maxBlocks]block
	for i, c := range to {
		mcu[i].c = *c
	}
	err := d.decodeMCU(mcu[:len(to)])
	for i, c := range to {
		*c = mcu[i].c
	}
	return err
}

// nextScan goes on to the scan behind the one that was read; more is false at the end of the
// picture.
func (d *decoder) nextScan() (more bool, err error) {
	if more, err = d.readMarkers(); err != nil || !more {
		return false, err
	}
	return true, d.startScan()
}
