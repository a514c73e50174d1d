package jpeg

// The geometry of a frame and of its scans.

// component is one color of a frame.
type component struct {
	index int
	id    uint8
	h, v  int   // sampling factors
	tq    uint8 // quantization table

	width, height          int         // in samples
	blocksWide, blocksHigh int         // that count
	stride                 int         // blocks in a row, with those that fill MCUs up
	quant                  *quantTable // nil until the component's first scan

	// Of the scan at hand.
	dcTable, acTable uint8
	mcuW             int // blocks side by side in an MCU
	lastCol, lastRow int // of which so many count in the last MCU of a row, and of the scan

	coefs        []int16  // of all blocks, when there are several scans
	bits, before [64]int8 // the lowest bit known of each coefficient, now and before the last scan

	samples      []uint8 // of a lossless picture of several scans
	diff, undiff []int32 // a row of its MCUs

	rows rowBuffer
	up   upsampler
}

// decoder holds one file.
type decoder struct {
	src      source
	maxScans int
	tables

	sawSOI, jfif, adobe bool
	transform           uint8

	progressive, lossless, arithmetic bool
	width, height                     int
	comps                             []component
	maxH, maxV                        int
	mcuRows                           int  // rows of fully interleaved MCUs
	several                           bool // several scans
	colors                            colorSpace

	scan           []*component
	ss, se, ah, al int
	scans          int
	nextRestart    byte
	mcusPerRow     int
	blocks         []scanBlock // of an MCU
	lastGood       int         // last MCU row of the scan that had data

	bits bitReader
	huff huffScan
	code arithScan
	pred lossScan

	failed error // of an entropy decoder that has no other way to say it

	pix []uint8
	out output
}

// scanBlock says which block of an MCU is whose.
type scanBlock struct {
	scan   int // index in decoder.scan
	c      *component
	dx, dy int
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// setup checks the frame when its first scan is there.
func (d *decoder) setup() error {
	const most = 65500
	if d.width > most || d.height > most {
		return UnsupportedError("a side above 65500")
	}
	d.maxH, d.maxV = 1, 1
	for i := range d.comps {
		c := &d.comps[i]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return FormatError("sampling factor out of 1..4")
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
	}
	unit := 8
	if d.lossless {
		unit = 1
	}
	for i := range d.comps {
		c := &d.comps[i]
		c.width, c.height = ceilDiv(d.width*c.h, d.maxH), ceilDiv(d.height*c.v, d.maxV)
		c.blocksWide = ceilDiv(d.width*c.h, d.maxH*unit)
		c.blocksHigh = ceilDiv(d.height*c.v, d.maxV*unit)
		c.stride = ceilDiv(c.blocksWide, c.h) * c.h
		for k := range c.bits {
			c.bits[k] = -1
		}
	}
	d.mcuRows = ceilDiv(d.height, d.maxV*unit)
	d.several = len(d.scan) < len(d.comps) || d.progressive
	if err := d.chooseColors(); err != nil {
		return err
	}
	return d.chooseUpsampling()
}

// maxBlocks is how many blocks an MCU may have.
const maxBlocks = 10

// startScan sets up what hangs on the scan's components.
func (d *decoder) startScan() error {
	unit := 8
	if d.lossless {
		unit = 1
	}
	d.blocks = d.blocks[:0]
	if len(d.scan) == 1 { // one block an MCU, and only blocks that count
		c := d.scan[0]
		d.mcusPerRow = c.blocksWide
		c.mcuW, c.lastCol = 1, 1
		c.lastRow = (c.blocksHigh-1)%c.v + 1
		d.blocks = append(d.blocks, scanBlock{0, c, 0, 0})
	} else {
		d.mcusPerRow = ceilDiv(d.width, d.maxH*unit)
		for i, c := range d.scan {
			c.mcuW = c.h
			c.lastCol, c.lastRow = (c.blocksWide-1)%c.h+1, (c.blocksHigh-1)%c.v+1
			if len(d.blocks)+c.h*c.v > maxBlocks {
				return FormatError("more than 10 blocks in an MCU")
			}
			for y := range c.v {
				for x := range c.h {
					d.blocks = append(d.blocks, scanBlock{i, c, x, y})
				}
			}
		}
	}
	if d.lossless {
		return d.startLossless()
	}
	for _, c := range d.scan {
		if c.quant != nil { // the table of a component's first scan stays
			continue
		}
		if c.tq > 3 || d.quant[c.tq] == nil {
			return FormatError("no quantization table")
		}
		c.quant = newQuantTable(d.quant[c.tq])
	}
	switch {
	case d.arithmetic:
		return d.startArithmetic()
	case d.progressive:
		return d.startProgressive()
	}
	return d.startSequential()
}
