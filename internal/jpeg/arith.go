package jpeg

// Arithmetic coding, sequential and progressive.
//
// Source: T.81, annex D and F.1.4, F.2.4, G.1.3.

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

// difference decodes a DC difference of scan component i and adds it up. It reports false for a
// magnitude out of range.
func (d *decoder) difference(i int, table uint8) bool {
	e := &d.code
	stats := &e.dcStats[table&15]
	st := int(e.context[i&3])
	if d.decide(&stats[st&63]) == 0 {
		e.context[i&3] = 0
		return true
	}
	sign := d.decide(&stats[(st+1)&63])
	st += 2 + sign
	m := d.decide(&stats[st&63])
	if m != 0 {
		for st = 20; d.decide(&stats[st&63]) != 0; st++ {
			if m <<= 1; m == 0x8000 {
				e.ct = -1
				return false
			}
		}
	}
	switch {
	case m < 1<<d.lower[table&15]>>1:
		e.context[i&3] = 0
	case m > 1<<d.upper[table&15]>>1:
		e.context[i&3] = uint8(12 + 4*sign)
	default:
		e.context[i&3] = uint8(4 + 4*sign)
	}
	v := d.magnitude(m, &stats[(st+14)&63])
	if sign != 0 {
		v = -v
	}
	e.dc[i&3] = (e.dc[i&3] + int32(v)) & 0xffff
	return true
}

// magnitude decodes the bits below the leading one m, and adds 1.
func (d *decoder) magnitude(m int, st *uint8) int {
	v := m
	for m >>= 1; m != 0; m >>= 1 {
		if d.decide(st) != 0 {
			v |= m
		}
	}
	return v + 1
}

// band decodes the coefficients from..to. It stops at damage.
func (d *decoder) band(b *[64]int16, from, to int, table uint8) {
	e := &d.code
	stats := &e.acStats[table&15]
	for k := from; k <= to; k++ {
		st := 3 * (k - 1)
		if d.decide(&stats[st&255]) != 0 {
			return // end of the block
		}
		for d.decide(&stats[(st+1)&255]) == 0 {
			st += 3
			if k++; k > to {
				e.ct = -1
				return
			}
		}
		sign := d.decide(&e.fixed)
		st += 2
		m := d.decide(&stats[st&255])
		if m != 0 && d.decide(&stats[st&255]) != 0 {
			m <<= 1
			if st = 217; k <= int(d.kx[table&15]) {
				st = 189
			}
			for ; d.decide(&stats[st&255]) != 0; st++ {
				if m <<= 1; m == 0x8000 {
					e.ct = -1
					return
				}
			}
		}
		v := d.magnitude(m, &stats[(st+14)&255])
		if sign != 0 {
			v = -v
		}
		b[natural[k&63]&63] = int16(v << d.al)
	}
}

// arithmeticMCU decodes an MCU of a sequential scan.
func (d *decoder) arithmeticMCU(mcu []block) error {
	if err := d.arithmeticRestart(); err != nil {
		return err
	}
	d.al = 0
	for i := range mcu {
		if d.code.ct == -1 {
			break
		}
		of := &d.blocks[i]
		if !d.difference(of.scan, of.c.dcTable) {
			break
		}
		mcu[i].c[0] = int16(d.code.dc[of.scan&3])
		d.band(&mcu[i].c, 1, 63, of.c.acTable)
		mcu[i].measure()
	}
	return d.failed
}

// arithmeticProgressive decodes an MCU of a progressive scan.
func (d *decoder) arithmeticProgressive(mcu []*[64]int16) error {
	if err := d.arithmeticRestart(); err != nil {
		return err
	}
	switch {
	case d.ss == 0 && d.ah != 0:
		for _, b := range mcu {
			b[0] |= int16(d.decide(&d.code.fixed) << d.al)
		}
	case d.code.ct == -1:
	case d.ss == 0:
		for i, b := range mcu {
			of := &d.blocks[i]
			if !d.difference(of.scan, of.c.dcTable) {
				break
			}
			b[0] = int16(d.code.dc[of.scan&3] << d.al)
		}
	case d.ah == 0:
		d.band(mcu[0], d.ss, d.se, d.scan[0].acTable)
	default:
		d.refineBand(mcu[0], d.scan[0].acTable)
	}
	return d.failed
}

// refineBand adds one bit to the coefficients of the scan's band.
func (d *decoder) refineBand(b *[64]int16, table uint8) {
	e := &d.code
	stats := &e.acStats[table&15]
	plus, minus := int16(1)<<d.al, int16(-1)<<d.al
	ended := d.se // up to here the scans before came
	for ended > 0 && b[natural[ended&63]&63] == 0 {
		ended--
	}
	for k := d.ss; k <= d.se; k++ {
		st := 3 * (k - 1)
		if k > ended && d.decide(&stats[st&255]) != 0 {
			return
		}
		for {
			c := &b[natural[k&63]&63]
			if *c != 0 {
				if d.decide(&stats[(st+2)&255]) != 0 {
					if *c < 0 {
						*c += minus
					} else {
						*c += plus
					}
				}
				break
			}
			if d.decide(&stats[(st+1)&255]) != 0 {
				if *c = plus; d.decide(&e.fixed) != 0 {
					*c = minus
				}
				break
			}
			st += 3
			if k++; k > d.se {
				e.ct = -1
				return
			}
		}
	}
}
