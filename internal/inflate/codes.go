package inflate

// The codes of literals and matches: many at a time while there is input enough, else one by one
// with care for its end.

import "encoding/binary"

// code reads one code with care for the end of the input. It returns the entry and whether its
// extra bits are still to be read.
func (r *Reader) code(t []uint32, first uint) (e uint32, n uint, st Status) {
	for {
		e = t[r.bits&(1<<first-1)]
		n = uint(e & 255)
		if n <= r.n && e&flagLink != 0 {
			e = t[uint64(e>>16)+(r.bits>>first)&(1<<(e>>8&15)-1)]
			n = first + uint(e&255)
		}
		if n <= r.n {
			break
		}
		if !r.need(r.n + 1) {
			return e, n, Short
		}
	}
	r.take(n)
	if e&flagInvalid != 0 {
		return e, n, Broken
	}
	return e, n, More
}

// symbol reads a literal (dist is 0 and length the byte), a match or the block's end with care for
// the end of the input.
func (r *Reader) symbol() (length, dist uint32, end bool, st Status) {
	e, n, st := r.code(r.lit, litBits)
	if st != More {
		return 0, 0, false, st
	}
	switch {
	case e&flagLiteral != 0:
		return e >> 16, 0, false, More
	case e&flagEnd != 0:
		if r.made {
			r.outUsed = r.pos - int((r.n+n)/8)
		}
		return 0, 0, true, More
	}
	if length, st = r.extra(e); st != More {
		return 0, 0, false, st
	}
	if e, _, st = r.code(r.dist, distBits); st != More {
		return 0, 0, false, st
	}
	dist, st = r.extra(e)
	return length, dist, false, st
}

// extra adds a symbol's extra bits to its base.
func (r *Reader) extra(e uint32) (uint32, Status) {
	n := uint(e >> 8 & 15)
	if !r.need(n) {
		return 0, Short
	}
	return e>>16 + r.take(n), More
}

// codes decodes literals and matches.
func (r *Reader) codes(end int) Status {
	for r.w < end {
		begin := r.w
		st := r.fast(end)
		r.made = r.made || r.w > begin
		if st != More {
			return st
		}
		if r.state != inCodes || r.w >= end {
			return More
		}
		length, dist, over, st := r.symbol()
		switch {
		case st != More:
			return st
		case over:
			r.endBlock()
			return More
		case dist == 0:
			r.buf[r.w] = byte(length)
			r.w++
		case int(dist) > r.w:
			return Broken
		default:
			for range length {
				r.buf[r.w] = r.buf[r.w-int(dist)]
				r.w++
			}
		}
		r.made = true
	}
	return More
}

// fast decodes while there are 16 bytes of input, which is enough for a round, and room for three
// literals before end, which only a match may pass.
func (r *Reader) fast(end int) (st Status) {
	in, buf, lit, dist := r.in, r.buf, r.lit, r.dist
	pos, acc, n, w := r.pos, r.bits, r.n, r.w
	begin := w
	for w < end-2 && pos+16 <= len(in) && st == More {
		// Reads 56 to 63 bits. Those above n stay, and are the same when they are read again.
		acc |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
		e := lit[acc&(1<<litBits-1)]
		if e&flagLiteral != 0 { // a code is 15 bits at most, so three fit
			acc >>= e & 63
			n -= uint(e & 63)
			buf[w] = byte(e >> 16)
			w++
			e = lit[acc&(1<<litBits-1)]
			if e&flagLiteral != 0 {
				acc >>= e & 63
				n -= uint(e & 63)
				buf[w] = byte(e >> 16)
				w++
				e = lit[acc&(1<<litBits-1)]
				if e&flagLiteral != 0 {
					acc >>= e & 63
					n -= uint(e & 63)
					buf[w] = byte(e >> 16)
					w++
					continue
				}
			}
			acc |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		if e&(flagLink|flagEnd|flagInvalid) != 0 {
			before := pos - int(n/8)
			if e&flagLink != 0 {
				acc >>= litBits
				n -= litBits
				e = lit[uint64(e>>16)+acc&(1<<(e>>8&15)-1)]
			}
			switch {
			case e&flagLiteral != 0:
				acc >>= e & 63
				n -= uint(e & 63)
				buf[w] = byte(e >> 16)
				w++
				continue
			case e&flagInvalid != 0:
				st = Broken
				continue
			case e&flagEnd != 0:
				acc >>= e & 63
				n -= uint(e & 63)
				if r.made || w > begin {
					r.outUsed = before
				}
				r.endBlock()
				end = 0 // leave
				continue
			}
		}
		// A match: 15 and 5 bits of length, 15 and 13 of distance at most.
		acc >>= e & 63
		n -= uint(e & 63)
		x := e >> 8 & 15
		length := int(e>>16) + int(acc&(1<<x-1))
		acc >>= x
		n -= uint(x)
		e = dist[acc&(1<<distBits-1)]
		if e&flagLink != 0 {
			acc >>= distBits
			n -= distBits
			e = dist[uint64(e>>16)+acc&(1<<(e>>8&15)-1)]
		}
		if e&flagInvalid != 0 {
			st = Broken
			continue
		}
		acc >>= e & 63
		n -= uint(e & 63)
		x = e >> 8 & 15
		back := int(e>>16) + int(acc&(1<<x-1))
		acc >>= x
		n -= uint(x)
		if back > w {
			st = Broken
			continue
		}
		repeat(buf, w, back, length)
		w += length
	}
	r.pos, r.bits, r.n, r.w = pos, acc&(1<<(n&63)-1), n, w
	return st
}

// repeat copies length bytes from back bytes before w to w, and may write 7 more.
func repeat(buf []byte, w, back, length int) {
	if back >= length && length > 32 {
		copy(buf[w:w+length], buf[w-back:])
		return
	}
	d := buf[w : w+length+8]
	i := 0
	if back < 8 { // bytes until there are periods enough for steps of 8
		whole := (7/back + 1) * back
		src := buf[w-back:]
		for ; i < min(whole, length); i++ {
			d[i] = src[i]
		}
		back = whole
	}
	if i >= length {
		return
	}
	d, src := d[i:], buf[w+i-back:w+length-back+8]
	for j := 0; j < length-i; j += 8 {
		binary.LittleEndian.PutUint64(d[j:], binary.LittleEndian.Uint64(src[j:]))
	}
}
