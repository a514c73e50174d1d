package jpeg

// The decoder of arithmetic coding: decisions from bytes, of which arithblocks.go makes
// coefficients.
//
// Source: T.81, annex D.

// arithScan is the state of the decoder and its statistics.
type arithScan struct {
	c, a    int64
	ct      int // bits left in c; -16 at the start, -1 after an error: nothing more is decoded
	dc      [4]int32
	context [4]uint8 // of the DC difference before

	dcStats [16][64]uint8
	acStats [16][256]uint8
	fixed   uint8 // the bin of even odds
	toGo    int
	work    int // MCUs' blocks of all scans so far
}

// maxWork bounds the blocks of all scans: a picture of 178 megapixels in one scan, or of 40 in ten.
const maxWork = 10_000_000

// evenOdds is the state of which the two outcomes stay equally likely. Source: T.851, table 5.
const evenOdds = 113

func (d *decoder) startArithmetic() error {
	if d.progressive {
		if err := d.startProgression(); err != nil {
			return err
		}
	}
	// Behind the end of the code, blocks go on being decoded from zeros at full cost.
	if d.code.work += d.mcusPerRow * d.mcuRows * len(d.blocks); d.code.work > maxWork {
		return ErrScans
	}
	d.code.toGo = d.interval
	d.bits = bitReader{}
	d.resetStats()
	return nil
}

// resetStats forgets all that was learned.
func (d *decoder) resetStats() {
	e := &d.code
	for i, c := range d.scan {
		if !d.progressive || d.ss == 0 && d.ah == 0 {
			e.dcStats[c.dcTable] = [64]uint8{}
			e.dc[i], e.context[i] = 0, 0
		}
		if !d.progressive || d.ss != 0 {
			e.acStats[c.acTable] = [256]uint8{}
		}
	}
	e.c, e.a, e.ct, e.fixed = 0, 0, -16, evenOdds
}

// errWait is for data that does not come in one block: libjpeg-turbo's decoder cannot wait for
// more, and Pillow hands over 64 KiB at first.
var errWait = UnsupportedError("arithmetic coding of more than 64 KiB")

// codeByte returns the next byte of the code, zeros behind its end.
func (d *decoder) codeByte() (int64, error) {
	s := &d.src
	if s.marker != 0 {
		return 0, nil
	}
	next := func() byte {
		if s.pos >= s.end {
			return 0
		}
		s.pos++
		return s.data[s.pos-1]
	}
	if s.pos >= s.end {
		return 0, d.waiting()
	}
	c := next()
	if c != 0xff {
		return int64(c), nil
	}
	for c == 0xff {
		if s.pos >= s.end {
			return 0, d.waiting()
		}
		c = next()
	}
	if c == 0 {
		return 0xff, nil
	}
	s.marker = c
	return 0, nil
}

func (d *decoder) waiting() error {
	if d.src.end == len(d.src.data) {
		return ErrTruncated
	}
	return errWait
}

// decide decodes one decision with the statistics st. After an error, which is kept in d.failed,
// it is 0.
func (d *decoder) decide(st *uint8) int {
	e := &d.code
	for e.a < 0x8000 {
		if e.ct--; e.ct < 0 {
			v, err := d.codeByte()
			if err != nil {
				d.failed = err
			}
			e.c = e.c<<8 | v
			if e.ct += 8; e.ct < 0 {
				if e.ct++; e.ct == 0 {
					e.a = 0x8000 // both first bytes are there
				}
			}
		}
		e.a <<= 1
	}
	s := *st
	state := &qmStates[s&0x7f]
	qe, flip := int64(state.qe), s&0x80
	e.a -= qe
	if limit := e.a << e.ct; e.c >= limit {
		e.c -= limit
		less := e.a >= qe // the less probable symbol, unless the two have changed places
		e.a = qe
		if less {
			*st, flip = flip^state.less, flip^0x80
		} else {
			*st = flip ^ state.more
		}
	} else if e.a < 0x8000 {
		if e.a < qe {
			*st, flip = flip^state.less, flip^0x80
		} else {
			*st = flip ^ state.more
		}
	}
	return int(flip >> 7)
}

// arithmeticRestart passes a restart marker that is due.
func (d *decoder) arithmeticRestart() error {
	if d.interval == 0 {
		return nil
	}
	if d.code.toGo == 0 {
		end := d.src.end
		if err := d.restartDue(); err != nil {
			return err
		}
		if d.src.end != end { // it lay in the next block
			return errWait
		}
		d.resetStats()
		d.code.toGo = d.interval
	}
	d.code.toGo--
	return nil
}
