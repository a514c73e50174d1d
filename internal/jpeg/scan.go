package jpeg

// The run over a file's scans.

// decode reads the whole file.
func (d *decoder) decode() ([]uint8, error) {
	for { // data of tables alone may come before the picture
		scan, err := d.readMarkers()
		if err != nil {
			return nil, err
		}
		if scan {
			break
		}
		if d.comps != nil {
			return nil, FormatError("no scan")
		}
		d.sawSOI, d.scans = false, 0
	}
	if err := d.setup(); err != nil {
		return nil, err
	}
	if !d.progressive && !d.arithmetic && !d.lossless {
		d.standardTables()
	}
	if err := d.startScan(); err != nil {
		return nil, err
	}
	d.startOutput()
	var err error
	switch {
	case d.lossless:
		err = d.decodeLossless()
	case d.several:
		err = d.decodeSeveral()
	default:
		err = d.decodeOne()
	}
	if err != nil {
		return nil, err
	}
	return d.pix, nil
}

// decodeOne reads a picture of one scan, row of MCUs by row.
func (d *decoder) decodeOne() error {
	mcu := make([]block, len(d.blocks))
	for row := range d.mcuRows {
		for y := range d.scanRows(row) {
			for col := range d.mcusPerRow {
				clear(mcu)
				if err := d.decodeMCU(mcu); err != nil {
					return err
				}
				d.transformMCU(mcu, row, y, col)
			}
		}
		d.emit(row)
	}
	return d.finish()
}

// finish reads on to the end of a picture that is complete. That the end is missing is no error
// then.
func (d *decoder) finish() error {
	scan, err := d.readMarkers()
	if err == ErrTruncated {
		return nil
	}
	if err == nil && scan {
		return FormatError("a scan behind the last")
	}
	return err
}

// scanRows returns how many rows of the scan's MCUs make up row of the frame's.
func (d *decoder) scanRows(row int) int {
	switch {
	case len(d.scan) > 1:
		return 1
	case row < d.mcuRows-1:
		return d.scan[0].v
	}
	return d.scan[0].lastRow
}

// transformMCU writes an MCU's samples, but for blocks that only fill the MCU up.
func (d *decoder) transformMCU(mcu []block, row, y, col int) {
	for i := range mcu {
		of := &d.blocks[i]
		c := of.c
		if col == d.mcusPerRow-1 && of.dx >= c.lastCol || row == d.mcuRows-1 && y+of.dy >= c.lastRow {
			continue
		}
		top := (row*c.v + y + of.dy) * 8 % c.rows.n
		idct(c.rows.pix[top*c.rows.stride+(col*c.mcuW+of.dx)*8:], c.rows.stride, &mcu[i], c.quant)
	}
}

// decodeMCU decodes one MCU into blocks that are zero, or that hold what former scans left.
func (d *decoder) decodeMCU(mcu []block) error {
	if d.arithmetic {
		return d.arithmeticMCU(mcu)
	}
	return d.sequentialMCU(mcu)
}
