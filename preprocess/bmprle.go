package preprocess

// BMP's run-length codes.

// readBMPRuns decodes the codes of w·h samples from start on into dst, a byte a sample, in the
// order in which they are stored. Without dst it only tells whether there are samples enough.
//
// Source: Pillow, BmpImagePlugin.BmpRleDecoder: a run is cut at the row's end, literal samples are
// not; both fill up rows one behind the other.
func readBMPRuns(dst, data []byte, start int64, w, h int, nibbles bool) bool {
	total, done, x := w*h, 0, 0 // x: of the row, as runs count it
	at := int(min(start, int64(len(data))))
	put := func(v byte) {
		if dst != nil && done < total {
			dst[done] = v
		}
		done++
	}
	for done < total && at+2 <= len(data) {
		n, v := int(data[at]), data[at+1]
		at += 2
		switch {
		case n > 0:
			n = min(n, max(w-x, 0))
			x += n
			for i := range n {
				switch {
				case !nibbles:
					put(v)
				case i&1 == 0:
					put(v >> 4)
				default:
					put(v & 15)
				}
			}
		case v == 0: // end of the row
			done += (w - done%w) % w
			x = 0
		case v == 1: // end of the picture
			return done >= total
		case v == 2: // to the right and up
			if at+2 > len(data) {
				return false
			}
			done += min(total-done, int(data[at])+int(data[at+1])*w)
			at += 2
			x = done % w
		default:
			count := min(total-done, int(v))
			bytes := count
			if nibbles {
				bytes = (count + 1) / 2
			}
			p := data[at:min(at+bytes, len(data))]
			at += len(p)
			for i, b := range p {
				if !nibbles {
					put(b)
					continue
				}
				put(b >> 4)
				if 2*i+1 < count {
					put(b & 15)
				}
			}
			if len(p) < bytes {
				return done >= total
			}
			x += int(v)
			at += at & 1 // they end at an even place of the file
		}
	}
	return done >= total
}
