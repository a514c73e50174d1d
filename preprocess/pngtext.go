package preprocess

// Metadata of PNG: EXIF and XMP wherever Pillow finds them, and the text chunks as far as they may
// stop it.

import (
	"bytes"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/qwenvl/qwenvl/internal/inflate"
)

const (
	maxPNGText     = 1 << 20            // bytes of one compressed text or profile
	maxPNGTextSize = 64 << 20           // of all texts
	maxPNGInflated = 4 * maxPNGTextSize // of profiles and texts without a key too
)

// pngText is the metadata in the order in which chunks overwrite each other.
type pngText struct {
	exif       []byte // nil if none
	exifIsText bool   // a text under EXIF's key is no EXIF
	rawProfile *string
	xmp        []byte // of an XMP chunk, or a text under its key
	xmpIsText  bool
	xmpText    string // of an XMP chunk that is valid UTF-8
	size       int    // of all texts so far
	inflated   int
}

// chunk reads one chunk, of any kind.
//
// Source: Pillow, PngImagePlugin.py, chunk_eXIf and the like.
func (t *pngText) chunk(k pngChunk) error {
	key, rest, ok := bytes.Cut(k.body, []byte{0})
	if !ok {
		rest = []byte{} // an empty text, not none
	}
	switch k.id {
	case "eXIf":
		t.exif, t.exifIsText = append([]byte("Exif\x00\x00"), k.body...), false
	case "iCCP":
		// Without a zero, the first byte of the name stands for the method.
		method := bytes.IndexByte(k.body, 0) + 1
		if method >= len(k.body) || k.body[method] != 0 {
			return pngError("color profile with an unknown compression")
		}
		_, _, err := t.inflate(k.body[method+1:])
		return err
	case "tEXt":
		if len(key) == 0 {
			return nil
		}
		if string(key) == "exif" {
			t.exif, t.exifIsText = rest, false
		} else {
			t.set(string(key), rest)
		}
		return t.count(len(rest))
	case "zTXt":
		if len(rest) > 0 && rest[0] != 0 {
			return pngError("text with an unknown compression")
		}
		value, ok, err := t.inflate(rest[min(1, len(rest)):])
		if err != nil || len(key) == 0 {
			return err
		}
		if !ok {
			value = nil
		}
		t.set(string(key), value)
		return t.count(len(value))
	case "iTXt":
		return t.international(string(key), rest)
	}
	return nil
}

// international reads a text in UTF-8 with its language and its key in that language.
func (t *pngText) international(key string, rest []byte) error {
	if len(rest) < 2 {
		return nil
	}
	parts := bytes.SplitN(rest[2:], []byte{0}, 3)
	if len(parts) < 3 {
		return nil
	}
	value := parts[2]
	if rest[0] != 0 {
		if rest[1] != 0 {
			return nil
		}
		var ok bool
		var err error
		if value, ok, err = t.inflate(value); err != nil || !ok {
			return err
		}
	}
	if key == xmpKey {
		t.xmp, t.xmpIsText = value, false
	}
	if !utf8.Valid(parts[0]) || !utf8.Valid(parts[1]) || !utf8.Valid(value) {
		return nil
	}
	t.set(key, value)
	return t.count(utf8.RuneCount(value))
}

const xmpKey = "XML:com.adobe.xmp"

// set keeps a text whose key counts for the orientation.
func (t *pngText) set(key string, value []byte) {
	switch key {
	case "exif":
		t.exif, t.exifIsText = value, true
	case "Raw profile type exif":
		s := string(value)
		t.rawProfile = &s
	case xmpKey:
		t.xmpText = string(value)
	case "xmp":
		t.xmp, t.xmpIsText = value, true
	}
}

func (t *pngText) count(n int) error {
	if t.size += n; t.size > maxPNGTextSize {
		return tooMuchText(t.size, maxPNGTextSize)
	}
	return nil
}

func tooMuchText(got, most int) error {
	return &LimitError{What: "bytes of text", Got: int64(got), Max: int64(most)}
}

// inflate reads a compressed text, whole or as far as it goes. It reports false for one that is
// damaged.
func (t *pngText) inflate(in []byte) (text []byte, ok bool, err error) {
	const step = 1 << 12
	for z := inflate.NewReader(in, maxPNGText+1, step); ; {
		p, st := z.Next(step)
		if text = append(text, p...); len(text) > maxPNGText {
			return nil, false, tooMuchText(len(text), maxPNGText)
		}
		if t.inflated += len(p); t.inflated > maxPNGInflated {
			return nil, false, tooMuchText(t.inflated, maxPNGInflated)
		}
		if len(p) < step {
			return text, st != inflate.Broken, nil
		}
	}
}

// orientation returns what EXIF says, else XMP, else 0.
func (t *pngText) orientation() (int, error) {
	exif := t.exif
	if exif == nil && !t.exifIsText && t.rawProfile != nil {
		// "\nexif\n  <length>\n<lines of hexadecimal digits>", as ImageMagick writes.
		lines := strings.Split(*t.rawProfile, "\n")
		var ok bool
		if exif, ok = fromHex(strings.Join(lines[min(3, len(lines)):], "")); !ok {
			return 0, brokenEXIF(pngFormat, "not in hexadecimal digits")
		}
	}
	if t.exifIsText {
		return 0, brokenEXIF(pngFormat, "a text")
	}
	if v, ok, err := exifOrientation(pngFormat, exif, 2); ok || err != nil {
		return v, err
	}
	if t.xmpText != "" {
		return xmpOrientation([]byte(t.xmpText)), nil
	}
	if t.xmpIsText && len(t.xmp) > 0 {
		return 0, pngError("XMP as plain text; IgnoreOrientation reads the picture without it")
	}
	return xmpOrientation(t.xmp), nil
}

// fromHex reads pairs of digits with spaces between them.
func fromHex(s string) ([]byte, bool) {
	var out []byte
	for {
		s = strings.TrimLeft(s, " \t\n\v\f\r")
		if s == "" {
			return out, true
		}
		if len(s) < 2 {
			return nil, false
		}
		b, err := hex.DecodeString(s[:2])
		if err != nil {
			return nil, false
		}
		out, s = append(out, b...), s[2:]
	}
}
