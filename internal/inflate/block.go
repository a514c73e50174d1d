package inflate

// Blocks: their headers, stored bytes, and the codes of literals and matches, which are decoded
// from eight bytes at a time as long as there are so many.

import "encoding/binary"

// endBlock goes to what follows the block in progress.
func (r *Reader) endBlock() {
	r.state = atBlock
	if r.final {
		r.state = atSum
	}
}

// block reads a block's header.
func (r *Reader) block() Status {
	if !r.need(3) {
		return Short
	}
	r.final, r.made = r.take(1) == 1, false
	switch r.take(2) {
	case 0:
		r.unread()
		r.take(r.n)
		if !r.need(32) {
			return Short
		}
		n := r.take(16)
		if r.take(16) != n^0xffff {
			return Broken
		}
		r.stored, r.state = int(n), inStored
	case 1:
		r.lit, r.dist, r.state = fixedLit, fixedDist, inCodes
	case 2:
		return r.dynamic()
	default:
		return Broken
	}
	return More
}

// lenOrder is the order in which the lengths of the codes for code lengths are stored.
var lenOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the code lengths of a block with codes of its own.
func (r *Reader) dynamic() Status {
	if !r.need(14) {
		return Short
	}
	nlit, ndist, nlen := int(r.take(5))+257, int(r.take(5))+1, int(r.take(4))+4
	if nlit > 286 || ndist > 30 {
		return Broken
	}
	var lens [286 + 30]uint8
	for _, i := range lenOrder[:nlen] {
		if !r.need(3) {
			return Short
		}
		lens[i] = uint8(r.take(3))
	}
	var ok bool
	if r.ownLit, ok = build(r.ownLit, lens[:19], lenSymbols[:], 7, true); !ok {
		return Broken
	}
	clear(lens[:19])
	for i := 0; i < nlit+ndist; {
		s, _, st := r.code(r.ownLit, 7)
		if st != More {
			return st
		}
		v := uint8(s >> 16)
		if v < 16 {
			lens[i] = v
			i++
			continue
		}
		width, least := uint(2), 3
		switch v {
		case 17:
			width = 3
		case 18:
			width, least = 7, 11
		}
		if !r.need(width) {
			return Short
		}
		last, n := uint8(0), least+int(r.take(width))
		if v == 16 {
			if i == 0 {
				return Broken
			}
			last = lens[i-1]
		}
		if i+n > nlit+ndist {
			return Broken
		}
		for range n {
			lens[i] = last
			i++
		}
	}
	if lens[256] == 0 {
		return Broken
	}
	if r.ownLit, ok = build(r.ownLit, lens[:nlit], litSymbols[:], litBits, false); !ok {
		return Broken
	}
	if r.ownDist, ok = build(r.ownDist, lens[nlit:nlit+ndist], distSymbols[:], distBits, false); !ok {
		return Broken
	}
	r.lit, r.dist, r.state = r.ownLit, r.ownDist, inCodes
	return More
}

// copyStored copies what there is of a stored block.
func (r *Reader) copyStored(end int) Status {
	r.unread()
	n := min(r.stored, end-r.w, len(r.in)-r.pos)
	copy(r.buf[r.w:], r.in[r.pos:r.pos+n])
	r.w, r.pos, r.stored = r.w+n, r.pos+n, r.stored-n
	if n > 0 {
		r.outUsed = r.Used()
	}
	if r.stored == 0 {
		r.endBlock()
		return More
	}
	if r.w < end {
		return Short
	}
	return More
}

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
