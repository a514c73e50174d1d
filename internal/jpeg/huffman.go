package jpeg

// Huffman tables: their lookup forms, and those of the standard's annex K, which count where a file
// brings none.

const errHuffman = FormatError("Huffman table that is no code")

// huffSpec is a table as a file writes it.
type huffSpec struct {
	count  [17]uint8  // codes of each length
	symbol [256]uint8 // in the order of their codes
}

const (
	look     = 8  // bits looked up at once for a symbol
	lookWide = 10 // and for a symbol with the value that follows it
)

// huffTable decodes.
type huffTable struct {
	// short has for the next 8 bits length<<8|symbol of the code there, or (look+1)<<8 for a longer
	// one.
	short [1 << look]uint16

	// wide has for the next 10 bits, when they hold a code and the value behind it, value<<16 |
	// coefficients passed over<<8 | bits taken. The end of a block passes 64 over. 0: they do not.
	wide [1 << lookWide]uint32

	most   [18]int32 // largest code of each length, -1 if none; the last ends every search
	offset [18]int32 // from a code to the index of its symbol
	symbol *[256]uint8
}

// build makes the lookup form. top is the largest symbol allowed.
//
// Source: T.81, annex C and F.2.2.3.
func (t *huffTable) build(s *huffSpec, top uint8) error {
	*t = huffTable{symbol: &s.symbol}
	for i := range t.short {
		t.short[i] = (look + 1) << 8
	}
	code, n := int32(0), int32(0)
	for l := 1; l <= 16; l++ {
		t.most[l] = -1
		if c := int32(s.count[l]); c > 0 {
			if n+c > 256 || code+c >= 1<<l { // no code is all ones
				return errHuffman
			}
			t.offset[l], t.most[l] = n-code, code+c-1
			if l <= look {
				for i := range c {
					from := int(code+i) << (look - l)
					for k := range 1 << (look - l) {
						t.short[from+k] = uint16(l<<8) | uint16(s.symbol[n+i])
					}
				}
			}
			n, code = n+c, code+c
		}
		code <<= 1
	}
	t.most[17] = 0xfffff
	for _, v := range s.symbol[:n] {
		if v > top {
			return errHuffman
		}
	}
	for i := range t.wide {
		e := t.short[i>>(lookWide-look)]
		l, run, size := int(e>>8), int(e>>4&15), int(e&15)
		if l > look || l+size > lookWide {
			continue
		}
		value := 0
		if size > 0 {
			value = extend(i>>(lookWide-l-size)&(1<<size-1), size)
		} else if run != 15 {
			run = 64
		}
		t.wide[i] = uint32(uint16(int16(value)))<<16 | uint32(run<<8) | uint32(l+size)
	}
	return nil
}

// extend makes a signed value of size bits as they are written.
func extend(v, size int) int {
	if v < 1<<(size-1) {
		return v - 1<<size + 1
	}
	return v
}

// natural is the place of each coefficient of the zigzag. Damaged data can run past the 64th; such
// values land on the last.
var natural = [128]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

func init() {
	for i := 64; i < len(natural); i++ {
		natural[i] = 63
	}
}

// standardTables fills in what a file left out, as senders of moving pictures do.
func (t *tables) standardTables() {
	for i, s := range []*huffSpec{&lumaDC, &chromaDC} {
		if t.dc[i] == nil {
			t.dc[i] = s
		}
	}
	for i, s := range []*huffSpec{&lumaAC, &chromaAC} {
		if t.ac[i] == nil {
			t.ac[i] = s
		}
	}
}

func spec(count [16]uint8, symbols string) huffSpec {
	var s huffSpec
	copy(s.count[1:], count[:])
	copy(s.symbol[:], symbols)
	return s
}

// Source: T.81, tables K.3 to K.6.
var (
	lumaDC = spec([16]uint8{0, 1, 5, 1, 1, 1, 1, 1, 1},
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b")
	chromaDC = spec([16]uint8{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b")
	lumaAC = spec([16]uint8{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d},
		"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91"+
			"\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19"+
			"\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49"+
			"\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76"+
			"\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a"+
			"\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4"+
			"\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6"+
			"\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa")
	chromaAC = spec([16]uint8{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77},
		"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14"+
			"\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1"+
			"\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48"+
			"\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75"+
			"\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98"+
			"\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2"+
			"\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5"+
			"\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa")
)
