package jpeg

// Coefficients by arithmetic coding: which statistics each decision has.
//
// Source: T.81, F.1.4, F.2.4 and G.1.3.

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
