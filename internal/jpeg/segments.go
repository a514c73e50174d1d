package jpeg

// Marker segments, as libjpeg-turbo reads them: what is wrong in one is an error, what stands
// between them is not.

import (
	"bytes"
	"slices"
)

const (
	markerDHT  = 0xc4
	markerDAC  = 0xcc
	markerRST0 = 0xd0
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerDQT  = 0xdb
	markerDNL  = 0xdc
	markerDRI  = 0xdd
	markerAPP0 = 0xe0
	markerCOM  = 0xfe
)

// tables are what segments set for the scans to come.
type tables struct {
	quant    [4]*[64]uint16 // in natural order
	dc, ac   [4]*huffSpec
	lower    [16]uint8 // arithmetic conditioning of DC: L and U
	upper    [16]uint8
	kx       [16]uint8 // and of AC
	interval int       // MCUs between restart markers, 0 for none
}

// readMarkers reads segments up to the next scan (true) or the end of the picture (false).
func (d *decoder) readMarkers() (scan bool, err error) {
	for {
		switch {
		case d.src.marker != 0: // left over by the entropy decoder
		case d.sawSOI:
			err = d.src.nextMarker()
		default:
			err = d.firstMarker()
		}
		if err != nil {
			return false, err
		}
		m := d.src.marker
		d.src.marker = 0
		switch {
		case m == markerSOI:
			err = d.startOfImage()
		case m >= 0xc5 && m <= 0xc8 || m >= 0xcd && m <= 0xcf:
			err = UnsupportedError("differential coding")
		case isSOF(m):
			err = d.startOfFrame(m)
		case m == markerSOS:
			return true, d.startOfScan()
		case m == markerEOI:
			return false, nil
		case m == markerDAC:
			err = d.conditioning()
		case m == markerDHT:
			err = d.huffmanTables()
		case m == markerDQT:
			err = d.quantTables()
		case m == markerDRI:
			err = d.restartInterval()
		case m >= markerAPP0 && m <= markerAPP0+15 || m == markerCOM || m == markerDNL:
			err = d.application(m)
		case m >= markerRST0 && m < markerRST0+8 || m == 1: // no body
		default:
			err = FormatError("unknown marker")
		}
		if err != nil {
			return false, err
		}
	}
}

// firstMarker wants the start of an image right here.
func (d *decoder) firstMarker() error {
	if m := d.src.u16(); !d.src.short && m != 0xff00|markerSOI {
		return FormatError("no start of a picture")
	}
	d.src.marker = markerSOI
	return d.endSegment(0)
}

func (d *decoder) startOfImage() error {
	if d.sawSOI {
		return FormatError("a second start of a picture")
	}
	d.sawSOI, d.jfif, d.adobe, d.transform, d.interval = true, false, false, 0, 0
	for i := range d.lower {
		d.lower[i], d.upper[i], d.kx[i] = 0, 1, 5
	}
	return nil
}

// The readers below take a segment apart byte by byte, so that what is wrong is found before what
// is missing: behind a picture that is complete the end of the file is no error.

func (d *decoder) conditioning() error {
	n := d.src.u16() - 2
	for ; n > 0; n -= 2 {
		i, v := d.src.u8(), uint8(d.src.u8())
		switch {
		case d.src.short:
			return ErrTruncated
		case i >= 32:
			return FormatError("arithmetic table beyond the last")
		case i >= 16:
			d.kx[i-16] = v
		default:
			d.lower[i], d.upper[i] = v&15, v>>4
			if v&15 > v>>4 {
				return FormatError("arithmetic conditioning with its bounds in the wrong order")
			}
		}
	}
	return d.endSegment(n)
}

// endSegment wants nothing left of a segment, and all of it to be there.
func (d *decoder) endSegment(left int) error {
	switch {
	case d.src.short:
		return ErrTruncated
	case left != 0:
		return FormatError("segment of a wrong length")
	}
	return nil
}

func (d *decoder) huffmanTables() error {
	n := d.src.u16() - 2
	for n > 16 {
		spec, index, symbols := new(huffSpec), d.src.u8(), 0
		for l := 1; l <= 16; l++ {
			spec.count[l] = uint8(d.src.u8())
			symbols += int(spec.count[l])
		}
		if n -= 17; d.src.short {
			return ErrTruncated
		}
		if symbols > 256 || symbols > n {
			return errHuffman
		}
		for i := range symbols {
			spec.symbol[i] = uint8(d.src.u8())
		}
		n -= symbols
		switch {
		case d.src.short:
			return ErrTruncated
		case index < 4:
			d.dc[index] = spec
		case index >= 0x10 && index < 0x14:
			d.ac[index-0x10] = spec
		default:
			return FormatError("Huffman table beyond the last")
		}
	}
	return d.endSegment(n)
}

func (d *decoder) quantTables() error {
	n := d.src.u16() - 2
	for n > 0 {
		head := d.src.u8()
		if d.src.short {
			return ErrTruncated
		}
		if head&15 >= 4 {
			return FormatError("quantization table beyond the last")
		}
		q, read := new([64]uint16), d.src.u8
		if n -= 65; head >= 16 {
			read, n = d.src.u16, n-64
		}
		for k := range 64 {
			q[natural[k]] = uint16(read())
		}
		if d.src.short {
			return ErrTruncated
		}
		d.quant[head&15] = q
	}
	return d.endSegment(n)
}

func (d *decoder) restartInterval() error {
	n := d.src.u16()
	if err := d.endSegment(n - 4); err != nil {
		return err
	}
	d.interval = d.src.u16()
	return d.endSegment(0)
}

// application passes over a segment, but for what JFIF and Adobe say of colors.
func (d *decoder) application(marker byte) error {
	n := max(d.src.u16()-2, 0)
	if marker == markerAPP0 || marker == markerAPP0+14 {
		p := make([]byte, min(n, 14))
		for i := range p {
			p[i] = uint8(d.src.u8())
		}
		n -= len(p)
		switch {
		case d.src.short:
			return ErrTruncated
		case marker == markerAPP0 && len(p) >= 14 && bytes.HasPrefix(p, []byte("JFIF\x00")):
			d.jfif = true
		case marker == markerAPP0+14 && len(p) >= 12 && bytes.HasPrefix(p, []byte("Adobe")):
			d.adobe, d.transform = true, p[11]
		}
	}
	if d.src.short {
		return ErrTruncated
	}
	d.src.pos += n
	return nil
}

func (d *decoder) startOfFrame(marker byte) error {
	if d.comps != nil {
		return FormatError("a second frame header")
	}
	n, precision := d.src.u16(), d.src.u8()
	d.height, d.width = d.src.u16(), d.src.u16()
	count := d.src.u8()
	d.progressive = marker == 0xc2 || marker == 0xca
	d.lossless = marker == 0xc3 || marker == 0xcb
	d.arithmetic = marker >= 0xc9
	switch {
	case d.src.short:
		return ErrTruncated
	case d.height == 0 || d.width == 0 || count == 0:
		return FormatError("width, height or number of components is 0")
	case precision != 8:
		return UnsupportedError("samples of other than 8 bits")
	}
	if err := d.endSegment(n - 8 - 3*count); err != nil {
		return err
	}
	d.comps = make([]component, count)
	for i := range d.comps {
		id, hv, tq := d.src.u8(), d.src.u8(), d.src.u8()
		d.comps[i] = component{index: i, id: uint8(id), h: hv >> 4, v: hv & 15, tq: uint8(tq)}
	}
	return d.endSegment(0)
}

func (d *decoder) startOfScan() error {
	if d.comps == nil {
		return FormatError("no frame header")
	}
	n, count := d.src.u16(), d.src.u8()
	if d.src.short {
		return ErrTruncated
	}
	if count < 1 || count > 4 || n != 6+2*count {
		return FormatError("scan header of a wrong length")
	}
	// Of components with the same id, the first whose place in the list is not yet taken counts.
	d.scan = d.scan[:0]
	for range count {
		id, tables := d.src.u8(), d.src.u8()
		if d.src.short {
			return ErrTruncated
		}
		var found *component
		for i := len(d.scan); i < min(len(d.comps), 4) && found == nil; i++ {
			if int(d.comps[i].id) == id {
				found = &d.comps[i]
			}
		}
		if found == nil || slices.Contains(d.scan, found) {
			return FormatError("scan of a component that does not exist, or twice")
		}
		found.dcTable, found.acTable = uint8(tables>>4), uint8(tables&15)
		d.scan = append(d.scan, found)
	}
	d.ss, d.se = d.src.u8(), d.src.u8()
	a := d.src.u8()
	d.ah, d.al = a>>4, a&15
	d.nextRestart = 0
	if d.src.short {
		return ErrTruncated
	}
	if d.scans++; d.scans > d.maxScans {
		return ErrScans
	}
	return nil
}
