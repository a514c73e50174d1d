package jpeg

// Progressive scans with Huffman coding: each brings a band of coefficients to some precision.

var errProgression = FormatError("scan of an impossible band or precision")

// startProgression checks a progressive scan and notes how far it brings its components.
//
// Source: libjpeg-turbo, start_pass_phuff_decoder.
func (d *decoder) startProgression() error {
	dc := d.ss == 0
	if dc && d.se != 0 || !dc && (d.ss > d.se || d.se > 63 || len(d.scan) != 1) ||
		d.ah != 0 && d.al != d.ah-1 || d.al > 13 {
		return errProgression
	}
	for _, c := range d.scan {
		for k := min(d.ss, 1); k <= max(d.se, 9); k++ {
			c.before[k] = 0
			if d.scans > 1 {
				c.before[k] = c.bits[k]
			}
		}
		for k := d.ss; k <= d.se; k++ {
			c.bits[k] = int8(d.al)
		}
	}
	return nil
}

func (d *decoder) startProgressive() error {
	if err := d.startProgression(); err != nil {
		return err
	}
	for i, c := range d.scan {
		table, spec, to, top := c.acTable, &d.ac, &d.huff.acTables, uint8(255)
		if d.ss == 0 {
			table, spec, to, top = c.dcTable, &d.dc, &d.huff.dcTables, 15
		}
		if d.ss != 0 || d.ah == 0 { // refining DC needs no table
			if table > 3 || spec[table] == nil {
				return FormatError("no Huffman table")
			}
			if err := to[table].build(spec[table], top); err != nil {
				return err
			}
		}
		d.huff.dc[i] = 0
	}
	d.bits = bitReader{}
	d.huff.run, d.huff.toGo = 0, d.interval
	return nil
}

func (d *decoder) progressiveMCU(mcu []*[64]int16) error {
	if d.interval != 0 {
		if d.huff.toGo == 0 {
			if err := d.restartDue(); err != nil {
				return err
			}
			d.huff.dc, d.huff.run, d.huff.toGo = [4]int32{}, 0, d.interval
		}
		d.huff.toGo--
	}
	if d.bits.starved {
		return nil
	}
	bits, dc, run, pos := d.bits, d.huff.dc, d.huff.run, d.src.pos
	for {
		ok, err := true, error(nil)
		switch {
		case d.ss == 0 && d.ah == 0:
			ok, err = d.firstDC(mcu)
		case d.ss == 0:
			ok = d.refineDC(mcu)
		case d.ah == 0:
			ok = d.firstAC(mcu[0])
		default:
			old := *mcu[0]
			if ok = d.refineAC(mcu[0]); !ok {
				*mcu[0] = old
			}
		}
		if ok || err != nil {
			return err
		}
		d.bits, d.huff.dc, d.huff.run, d.src.pos = bits, dc, run, pos
		if !d.src.more() {
			return ErrTruncated
		}
	}
}

func (d *decoder) firstDC(mcu []*[64]int16) (bool, error) {
	acc, n, ok := d.bits.acc, d.bits.n, true
	for i, b := range mcu {
		of := &d.blocks[i]
		size, v := 0, 0
		if size, acc, n, ok = d.symbol(&d.huff.dcTables[of.c.dcTable&3], acc, n); !ok {
			return false, nil
		}
		if size > 0 {
			if v, acc, n, ok = d.take(size, acc, n); !ok {
				return false, nil
			}
			v = extend(v, size)
		}
		sum := int64(d.huff.dc[of.scan&3]) + int64(v)
		if sum != int64(int32(sum)) {
			return false, FormatError("DC coefficient out of range")
		}
		d.huff.dc[of.scan&3] = int32(sum)
		b[0] = int16(sum << d.al)
	}
	d.bits.acc, d.bits.n = acc, n
	return true, nil
}

func (d *decoder) refineDC(mcu []*[64]int16) bool {
	acc, n, ok := d.bits.acc, d.bits.n, true
	for _, b := range mcu {
		v := 0
		if v, acc, n, ok = d.take(1, acc, n); !ok {
			return false
		}
		b[0] |= int16(v << d.al)
	}
	d.bits.acc, d.bits.n = acc, n
	return true
}

func (d *decoder) firstAC(b *[64]int16) bool {
	if d.huff.run > 0 {
		d.huff.run--
		return true
	}
	acc, n, ok := d.bits.acc, d.bits.n, true
	t, se, al := &d.huff.acTables[d.scan[0].acTable&3], d.se, uint(d.al)
	for k := d.ss; k <= se; k++ {
		if n < look {
			if acc, n, ok = d.fill(acc, n, 0); !ok {
				return false
			}
		}
		if n >= lookWide {
			if e := t.wide[acc>>((n-lookWide)&63)&(1<<lookWide-1)]; int32(e)>>16 != 0 {
				n -= uint(e & 0xff)
				k += int(e >> 8 & 0xff)
				b[natural[k&127]&63] = int16(int32(e) >> 16 << (al & 15))
				continue
			}
		}
		rs, v := 0, 0
		if rs, acc, n, ok = d.symbol(t, acc, n); !ok {
			return false
		}
		run, size := rs>>4, rs&15
		switch {
		case size > 0:
			k += run
			if v, acc, n, ok = d.take(size, acc, n); !ok {
				return false
			}
			b[natural[k&127]&63] = int16(extend(v, size) << (al & 15))
		case run == 15:
			k += 15
		default: // the band ends here in 1<<run blocks or more
			if v, acc, n, ok = d.take(run, acc, n); !ok {
				return false
			}
			d.huff.run = uint32(1<<run+v) - 1
			k = 64
		}
	}
	d.bits.acc, d.bits.n = acc, n
	return true
}

// refineAC adds one bit to the coefficients of a band.
//
// Source: T.81, G.1.2.3.
func (d *decoder) refineAC(b *[64]int16) bool {
	acc, n, ok := d.bits.acc, d.bits.n, true
	t, k, se := &d.huff.acTables[d.scan[0].acTable&3], d.ss, d.se
	plus, minus := int16(1)<<d.al, int16(-1)<<d.al
	run := d.huff.run
	for ; run == 0 && k <= se; k++ {
		rs, v := 0, 0
		if rs, acc, n, ok = d.symbol(t, acc, n); !ok {
			return false
		}
		skip, value := rs>>4, int16(0)
		if rs&15 != 0 {
			if v, acc, n, ok = d.take(1, acc, n); !ok {
				return false
			}
			if value = minus; v != 0 {
				value = plus
			}
		} else if skip != 15 {
			if v, acc, n, ok = d.take(skip, acc, n); !ok {
				return false
			}
			run = uint32(1<<skip + v)
			break
		}
		for ; k <= se; k++ { // to the zero that the value is for
			at := natural[k&63] & 63
			if b[at] == 0 {
				if skip--; skip < 0 {
					break
				}
				continue
			}
			if acc, n, ok = d.correct(&b[at], plus, minus, acc, n); !ok {
				return false
			}
		}
		if value != 0 {
			b[natural[k&127]&63] = value
		}
	}
	if run > 0 {
		for ; k <= se; k++ {
			if at := natural[k&63] & 63; b[at] != 0 {
				if acc, n, ok = d.correct(&b[at], plus, minus, acc, n); !ok {
					return false
				}
			}
		}
		run--
	}
	d.bits.acc, d.bits.n, d.huff.run = acc, n, run
	return true
}

// correct reads one bit of a coefficient that is not 0.
func (d *decoder) correct(c *int16, plus, minus int16, acc uint64, n uint) (uint64, uint, bool) {
	if n < 1 {
		var ok bool
		if acc, n, ok = d.fill(acc, n, 1); !ok {
			return acc, n, false
		}
	}
	n--
	if acc>>(n&63)&1 != 0 && *c&plus == 0 {
		if *c >= 0 {
			*c += plus
		} else {
			*c += minus
		}
	}
	return acc, n, true
}
