package inflate

// Blocks: their headers, with the lengths of their codes, and stored bytes.

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
