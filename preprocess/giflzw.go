package preprocess

// GIF's codes: variable-length codes of a table that grows while it is read, in blocks of bytes.

const lzwTable = 1 << 12 // entries, and the longest string

// readLZW fills dst with samples of a frame. What follows the last one does not count; an end
// before it does.
//
// Source: Pillow, GifDecode.c, which is handed 64 KiB at a time, decodes whole blocks only, takes
// an empty block for no end, and goes on behind an end code as long as there is more to hand out.
func readLZW(dst, data []byte, bits int) error {
	const step = 1 << 16
	if bits > 12 {
		return gifError("samples of over 12 bits")
	}
	broken := gifError("damaged codes")
	short := gifCut("not enough pixels")
	clearCode := 1 << bits
	endCode := clearCode + 1
	var link, length [lzwTable]uint16
	var last [lzwTable]uint8 // of a string; link is the string before it
	for i := range min(clearCode, lzwTable) {
		length[i], last[i] = 1, uint8(i)
	}
	at, handed, left := 0, min(step, len(data)), 0 // left: bytes of the block
	acc, n := uint32(0), 0
	next, size := clearCode+2, bits+1
	fresh := true               // no code yet behind a clear code
	before, first := 0, byte(0) // the code before, and its string's first sample
	for w := 0; w < len(dst); {
		for n < size {
			if left > 0 {
				acc |= uint32(data[at]) << n
				at, left, n = at+1, left-1, n+8
				continue
			}
			for at >= handed || at+1+int(data[at]) > handed {
				if handed == len(data) {
					return short
				}
				handed = min(handed+step, len(data))
			}
			left = int(data[at])
			at++
		}
		code := int(acc & (1<<size - 1))
		acc, n = acc>>size, n-size
		switch {
		case code == clearCode:
			next, size, fresh = clearCode+2, bits+1, true
			continue
		case code == endCode:
			if handed == len(data) {
				return short
			}
			handed = min(handed+step, len(data))
			continue
		case fresh:
			if code > clearCode {
				return broken
			}
			fresh, before, first = false, code, byte(code)
			dst[w] = first
			w++
			continue
		case code > next:
			return broken
		}
		from, extra := code, 0
		if code == next { // the string before and its first sample
			from, extra = before, 1
		}
		if from >= lzwTable {
			return broken
		}
		count := int(length[from])
		end := w + count + extra
		if extra == 1 && end <= len(dst) {
			dst[end-1] = first
		}
		for i := w + count - 1; i >= w; i-- {
			if i < len(dst) {
				dst[i] = last[from]
			}
			if i > w {
				from = int(link[from])
			}
		}
		first, w = dst[w], end
		if next < lzwTable {
			link[next], last[next], length[next] = uint16(before), first, length[before]+1
			if next == 1<<size-1 && size < 12 {
				size++
			}
			next++
		}
		before = code
	}
	return nil
}
