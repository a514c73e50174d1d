// Package inflate reads zlib streams in memory as zlib does when it is fed in blocks and asked for
// output row by row: what is damaged behind the last row wanted does no harm, unless zlib would
// have come across it.
//
// compress/zlib reads ahead and cannot tell where it stands, so what Pillow reads of a damaged PNG
// cannot be had with it.
package inflate

import (
	"hash"
	"hash/adler32"
	"math/bits"
)

// Status says why a Reader stopped.
type Status int

const (
	More   Status = iota // as much as was asked for; there may be more
	End                  // the stream has ended and its checksum is right
	Short                // the input has ended before the stream
	Broken               // not a zlib stream, or a wrong checksum
)

const (
	window = 1 << 15
	ahead  = 1 << 16 // bytes decoded at a time at least
	slack  = 258 + 8 // a match may pass the end asked for, in steps of 8 bytes
)

// A Reader decodes one stream, at most limit bytes of it.
type Reader struct {
	in   []byte
	pos  int    // of the next byte of in
	bits uint64 // read and not used, the lowest first
	n    uint   // how many

	buf   []byte // window, then what is decoded and not yet handed out
	w, rd int    // where decoding and handing out stand in buf
	todo  int    // bytes still to be decoded
	over  bool   // a match went past the limit
	sum   hash.Hash32

	state   state
	status  Status // of the stream once it has ended
	final   bool   // the block in progress is the last
	stored  int    // bytes left of a stored block
	made    bool   // the block in progress has made output
	outUsed int    // Used when the latest byte was made, known at the end

	lit, dist       []uint32 // tables of the block in progress
	ownLit, ownDist []uint32
}

type state int

const (
	atHeader state = iota
	atBlock        // before a block's header
	inStored
	inCodes
	atSum // before the checksum
	atEnd
)

// NewReader returns a Reader that decodes at most limit bytes of in and hands out at most most
// bytes at a time.
func NewReader(in []byte, limit, most int) *Reader {
	size := min(window+max(ahead, most), limit)
	return &Reader{in: in, todo: limit, buf: make([]byte, size+slack), sum: adler32.New()}
}

// Used returns how many bytes of the input have been looked at.
func (r *Reader) Used() int { return r.pos - int(r.n/8) }

// UsedAtLast returns, of a stream that has ended, what Used was when its last byte was made.
func (r *Reader) UsedAtLast() int { return r.outUsed }

// Next returns the next n bytes, which are valid until the next call. It returns fewer when the
// stream or its input ends there, and which of them; with More the limit is reached.
func (r *Reader) Next(n int) ([]byte, Status) {
	for r.w-r.rd < n && r.state != atEnd && r.todo > 0 {
		r.fill(n)
	}
	if have := r.w - r.rd; have < n {
		r.rd = r.w
		return r.buf[r.w-have : r.w], r.status
	}
	r.rd += n
	return r.buf[r.rd-n : r.rd], More
}

// fill decodes until n bytes are ready to be handed out, or more.
func (r *Reader) fill(n int) {
	full := len(r.buf) - slack
	if r.rd+n > full { // keep what is not handed out, and the window
		from := max(min(r.rd, r.w-window), 0)
		copy(r.buf, r.buf[from:r.w])
		r.rd, r.w = r.rd-from, r.w-from
	}
	begin, end := r.w, full
	last := r.todo <= end-r.w
	if last {
		end = r.w + r.todo
	}
	st := r.run(end)
	if last && r.w > end {
		r.w, r.over = end, true
	}
	r.todo -= r.w - begin
	r.sum.Write(r.buf[begin:r.w])
	if st == More && r.state == atSum && r.w < end { // else Tail may come first
		st = r.checksum()
	}
	if st != More {
		r.state, r.status = atEnd, st
	}
}

// run decodes blocks until buf is filled to end, or to a little more, or the last block ends.
func (r *Reader) run(end int) (st Status) {
	for st == More && r.w < end {
		switch r.state {
		case atHeader:
			st = r.header()
		case atBlock:
			st = r.block()
		case inStored:
			st = r.copyStored(end)
		case inCodes:
			st = r.codes(end)
		default:
			return More
		}
	}
	return st
}

// Tail goes on behind the limit as zlib does in the call that made the last byte: until output is
// needed or the input before end is used up, which is More.
func (r *Reader) Tail(end int) Status {
	if r.over || r.state == atEnd || r.Used() > end {
		return More
	}
	r.unread()
	r.in = r.in[:end]
	for st := More; ; {
		switch r.state {
		case atBlock:
			st = r.block()
		case inStored:
			if r.stored > 0 {
				return More
			}
			r.endBlock()
		case inCodes:
			var length, dist uint32
			var end bool
			length, dist, end, st = r.symbol()
			if st == More && end {
				r.endBlock()
			} else if st == More && (length > 0 || dist == 0) {
				return More
			}
		case atSum:
			st = r.checksum()
		default:
			return More
		}
		switch st {
		case Short:
			return More
		case End, Broken:
			return st
		}
	}
}

// unread gives whole bytes back to the input.
func (r *Reader) unread() {
	r.pos -= int(r.n / 8)
	r.n %= 8
	r.bits &= 1<<r.n - 1
}

// need makes n bits ready, at most 32; it reports false at the end of the input.
func (r *Reader) need(n uint) bool {
	for r.n < n {
		if r.pos >= len(r.in) {
			return false
		}
		r.bits |= uint64(r.in[r.pos]) << r.n
		r.pos++
		r.n += 8
	}
	return true
}

// take uses n bits that are ready.
func (r *Reader) take(n uint) uint32 {
	v := uint32(r.bits & (1<<n - 1))
	r.bits >>= n
	r.n -= n
	return v
}

func (r *Reader) header() Status {
	if !r.need(16) {
		return Short
	}
	method, flags := r.take(8), r.take(8)
	if (method<<8|flags)%31 != 0 || method&15 != 8 || method>>4 > 7 || flags&0x20 != 0 {
		return Broken
	}
	r.state = atBlock
	return More
}

// checksum compares the stream's sum of all bytes with ours.
func (r *Reader) checksum() Status {
	r.unread()
	r.take(r.n)
	if !r.need(32) {
		return Short
	}
	if bits.ReverseBytes32(r.take(32)) != r.sum.Sum32() {
		return Broken
	}
	return End
}
