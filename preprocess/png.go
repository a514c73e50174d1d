package preprocess

// PNG: size, EXIF and XMP from the chunks, pixels from image/png.

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"image/png"
	"io"
	"strings"
)

const pngFormat = "png"

func decodePNG(data []byte, o DecodeOptions, pixels bool) (*Image, int, error) {
	if len(data) < 33 || string(data[12:16]) != "IHDR" {
		return nil, 0, &FormatError{Format: pngFormat, Reason: "no IHDR chunk", Err: io.ErrUnexpectedEOF}
	}
	w, h := int64(binary.BigEndian.Uint32(data[16:])), int64(binary.BigEndian.Uint32(data[20:]))
	if err := o.Limits.size(pngFormat, w, h); err != nil {
		return nil, 0, err
	}
	depth, color := int64(data[24]), data[25]
	channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
	// Deflate shrinks by 1032 to 1 at most, so a short file cannot hold a large picture.
	if raw := ((w*depth*channels + 7) / 8) * h; raw/1032 > int64(len(data)) {
		return nil, 0, &FormatError{Format: pngFormat, Reason: "too short for its size", Err: io.ErrUnexpectedEOF}
	}
	orientation := orientationOf(pngMetadata(data))
	if !pixels {
		return &Image{Width: int(w), Height: int(h)}, orientation, nil
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		var unsupported png.UnsupportedError
		if errors.As(err, &unsupported) {
			return nil, 0, &UnsupportedError{Format: pngFormat, Feature: "PNG variant", Err: err}
		}
		return nil, 0, &FormatError{Format: pngFormat, Err: err}
	}
	img := convert(m, o)
	if color == 0 && depth == 1 { // Pillow's mode 1
		img.Indexed = true
	}
	return img, orientation, nil
}

// pngMetadata finds EXIF (an eXIf chunk, or the hex text that ImageMagick writes) and XMP (an
// uncompressed iTXt chunk).
func pngMetadata(data []byte) (exif, xmp []byte) {
	for i := 8; i+12 <= len(data); {
		n := int64(binary.BigEndian.Uint32(data[i:]))
		if n > int64(len(data)-i-12) {
			break
		}
		p := data[i+8 : i+8+int(n)]
		switch string(data[i+4 : i+8]) {
		case "eXIf":
			if exif == nil {
				exif = bytes.TrimPrefix(p, []byte("Exif\x00\x00"))
			}
		case "tEXt":
			if text, ok := bytes.CutPrefix(p, []byte("Raw profile type exif\x00")); ok && exif == nil {
				exif = rawProfile(string(text))
			}
		case "iTXt":
			if text, ok := bytes.CutPrefix(p, []byte("XML:com.adobe.xmp\x00\x00\x00")); ok && xmp == nil {
				xmp = text
			}
		}
		i += 12 + int(n)
	}
	return exif, xmp
}

// rawProfile decodes "\nexif\n  <length>\n<hex lines>".
func rawProfile(text string) []byte {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return nil
	}
	b, err := hex.DecodeString(strings.Join(lines[3:], ""))
	if err != nil {
		return nil
	}
	return bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
}
