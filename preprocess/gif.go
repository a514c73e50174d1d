package preprocess

// GIF: the first frame on its screen. image/gif decodes the frame; where it lies and what is around
// it is here.

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"io"
)

const gifFormat = "gif"

// gifFrame is the first frame's place on the screen.
type gifFrame struct {
	screenW, screenH int
	rect             image.Rectangle
	transparent      int // palette index, -1 if none
	transparentFlag  int // offset of the flags that announce it
	colors           int // entries of the palette in use
	pixels           int // offset of the frame descriptor
}

// walkGIF reads blocks up to the first frame's descriptor.
func walkGIF(data []byte) (f gifFrame, err error) {
	short := &FormatError{Format: gifFormat, Reason: "ends before the first frame", Err: io.ErrUnexpectedEOF}
	if len(data) < 13 {
		return f, short
	}
	le := binary.LittleEndian
	f.screenW, f.screenH, f.transparent = int(le.Uint16(data[6:])), int(le.Uint16(data[8:])), -1
	i := 13
	if data[10]&0x80 != 0 {
		f.colors = 2 << (data[10] & 7)
		i += 3 * f.colors
	}
	for i+10 <= len(data) {
		switch data[i] {
		case 0x21:
			if data[i+1] == 0xf9 && data[i+2] == 4 {
				f.transparent = -1
				if data[i+3]&1 != 0 {
					f.transparent, f.transparentFlag = int(data[i+6]), i+3
				}
			}
			for i += 2; i < len(data) && data[i] != 0; i += 1 + int(data[i]) {
			}
			i++
		case 0x2c:
			x, y := int(le.Uint16(data[i+1:])), int(le.Uint16(data[i+3:]))
			f.rect = image.Rect(x, y, x+int(le.Uint16(data[i+5:])), y+int(le.Uint16(data[i+7:])))
			if data[i+9]&0x80 != 0 {
				f.colors = 2 << (data[i+9] & 7)
			}
			f.pixels = i
			return f, nil
		default:
			return f, &FormatError{Format: gifFormat, Reason: "no frame"}
		}
	}
	return f, short
}

// decodeGIF reads the first frame onto the whole screen. Outside the frame lies the transparent
// color, else entry 0.
//
// Source: Pillow, GifImagePlugin.py: the screen grows to hold the frame; convert("RGB") ignores
// transparency.
func decodeGIF(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	f, err := walkGIF(data)
	if err != nil {
		return nil, 0, err
	}
	w, h := max(f.screenW, f.rect.Max.X), max(f.screenH, f.rect.Max.Y)
	if err := o.Limits.size(gifFormat, int64(w), int64(h)); err != nil {
		return nil, 0, err
	}
	if f.rect.Empty() {
		return nil, 0, &FormatError{Format: gifFormat, Reason: "empty frame"}
	}
	// One LZW code of 3 bits or more stands for 4096 samples at most.
	if int64(f.rect.Dx())*int64(f.rect.Dy())/(4096*8/3) > int64(len(data)) {
		return nil, 0, &FormatError{Format: gifFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF}
	}
	if !pixels {
		return &Image{Width: w, Height: h}, 0, nil
	}
	// image/gif blanks the transparent entry and refuses frames that leave the screen: change both
	// in the header.
	head := bytes.Clone(data[:f.pixels])
	binary.LittleEndian.PutUint16(head[6:], uint16(min(w, 0xffff)))
	binary.LittleEndian.PutUint16(head[8:], uint16(min(h, 0xffff)))
	keepColor := f.transparent >= 0 && f.transparent < f.colors
	if keepColor {
		head[f.transparentFlag] &^= 1
	}
	m, err := gif.Decode(io.MultiReader(bytes.NewReader(head), bytes.NewReader(data[f.pixels:])))
	if err != nil {
		return nil, 0, &FormatError{Format: gifFormat, Err: err}
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, 0, &FormatError{Format: gifFormat, Reason: "frame without palette"}
	}
	screen := frame
	if r := image.Rect(0, 0, w, h); frame.Rect != r {
		screen = image.NewPaletted(r, frame.Palette)
		if keepColor && f.transparent != 0 {
			for i := range screen.Pix {
				screen.Pix[i] = uint8(f.transparent)
			}
		}
		for y := range frame.Rect.Dy() {
			copy(screen.Pix[screen.PixOffset(frame.Rect.Min.X, frame.Rect.Min.Y+y):], frame.Pix[y*frame.Stride:][:frame.Rect.Dx()])
		}
	}
	if keepColor && o.Alpha != AlphaDrop {
		palette := append(color.Palette(nil), screen.Palette...)
		c := color.NRGBAModel.Convert(palette[f.transparent]).(color.NRGBA)
		c.A = 0
		palette[f.transparent] = c
		screen.Palette = palette
	}
	img := convert(screen, o)
	if grayRamp(screen.Palette) {
		img.Indexed, img.Pad = false, [3]uint8{}
	}
	return img, 0, nil
}

// grayRamp tells a palette that is only a gray scale, which Pillow opens as gray instead of
// indexed.
func grayRamp(p color.Palette) bool {
	for i, c := range p {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		if int(n.R) != i || int(n.G) != i || int(n.B) != i {
			return false
		}
	}
	return true
}
