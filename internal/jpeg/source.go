package jpeg

// The file as libjpeg-turbo sees it: in blocks, as Pillow hands them over. At the end of a block
// the decoder takes up again where it was, so blocks show in one thing only: what is decoded at the
// end of a file without an end marker, and in arithmetic coding, which cannot wait for a block.

// blockSize is the number of bytes that Pillow reads at a time (Source: ImageFile.MAXBLOCK).
const blockSize = 1 << 16

type source struct {
	data []byte
	pos  int // next byte; may lie behind end after a skip
	end  int // data[:end] has been handed over

	// marker is one that was met and not yet dealt with, 0 if none. pos is behind it.
	marker byte

	short bool // the file has ended within a segment
}

func newSource(data []byte) source { return source{data: data, end: min(blockSize, len(data))} }

// more has the next block handed over. It reports false at the end of the file.
func (s *source) more() bool {
	if s.end == len(s.data) {
		return false
	}
	s.end = min(s.end+blockSize, len(s.data))
	return true
}

// next returns one byte.
func (s *source) next() (byte, error) {
	for s.pos >= s.end {
		if !s.more() {
			return 0, ErrTruncated
		}
	}
	s.pos++
	return s.data[s.pos-1], nil
}

// u8 and u16 return the next one and two bytes. At the end of the file they set short.
func (s *source) u8() int {
	c, err := s.next()
	s.short = s.short || err != nil
	return int(c)
}

func (s *source) u16() int { return s.u8()<<8 | s.u8() }

// nextMarker passes over anything up to a marker and puts it in s.marker.
func (s *source) nextMarker() error {
	for {
		c, err := s.next()
		for err == nil && c != 0xff {
			c, err = s.next()
		}
		for err == nil && c == 0xff {
			c, err = s.next()
		}
		if err != nil {
			return err
		}
		if c != 0 {
			s.marker = c
			return nil
		}
	}
}

// restart deals with the marker that should be restart marker want (0..7): it is taken, or passed
// over, or kept for later when the data that it ends seems to be missing.
//
// Source: libjpeg-turbo, jpeg_resync_to_restart.
func (s *source) restart(want byte) error {
	if s.marker == 0 {
		if err := s.nextMarker(); err != nil {
			return err
		}
	}
	for {
		m := s.marker
		switch ahead := (m - markerRST0 - want) & 7; {
		case m < 0xc0: // no marker at all: look further
		case m < markerRST0 || m > markerRST0+7:
			return nil // the scan is over
		case ahead == 1 || ahead == 2:
			return nil // the one looked for got lost
		case ahead == 6 || ahead == 7: // one of those before: look further
		default:
			s.marker = 0
			return nil
		}
		if err := s.nextMarker(); err != nil {
			return err
		}
	}
}
