package processor

// Where pictures come from: files, bytes, data: URLs (dataurl.go), readers (reader.go) and memory.
// Here their bytes are got, once for a request, and what is wrong with them gets a place in the
// request.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/qwenvl/qwenvl/preprocess"
)

// maxPictureBytes bounds a picture file, unless the decode options say otherwise.
const maxPictureBytes = 256 << 20

// frames returns the frames of a source, and the size of them all.
func (p *Processor) frames(
	ctx context.Context, src *Source,
) (out []frame, size preprocess.Size, err error) {
	if src.Kind != Picture && src.Kind != Video {
		f, size, err := p.file(ctx, src)
		return []frame{f}, size, err
	}
	if src.Kind == Video {
		if err := src.check(); err != nil {
			return nil, size, err
		}
	}
	for i := range src.Count() {
		var f frame
		var s preprocess.Size
		if i < len(src.Frames) {
			f, s, err = p.memory(src.Frames[i])
		} else {
			f, s, err = p.encoded(src.Files[i-len(src.Frames)])
		}
		if i > 0 && err == nil && s != size {
			err = fmt.Errorf("is %d×%d, frame 0 %d×%d", s.W, s.H, size.W, size.H)
		}
		if err != nil && src.Kind == Video {
			err = fmt.Errorf("frame %d: %w", i, err)
		}
		if err != nil {
			return nil, size, err
		}
		out, size = append(out, f), s
	}
	return out, size, nil
}

// memory returns a picture that the program has decoded.
func (p *Processor) memory(m image.Image) (frame, preprocess.Size, error) {
	size, err := preprocess.FromImageSize(m, p.cfg.Decode)
	// Read once, for pixels and key: an At method takes longer than all the rest.
	read := sync.OnceValues(func() (*preprocess.Image, error) {
		return preprocess.FromImage(m, p.cfg.Decode)
	})
	hash := func(k *key) {
		if k.image(m) {
			return
		}
		if img, err := read(); err == nil { // else there are no features
			k.bytes(img.Pix)
		}
	}
	return frame{read, hash}, size, err
}

// file returns the picture of a file, whose bytes are got here, once.
func (p *Processor) file(
	ctx context.Context, src *Source,
) (f frame, size preprocess.Size, err error) {
	var data []byte
	switch limit := p.maxBytes(); {
	case src.Kind == PictureFile:
		data, err = load(src.Path, limit)
	case src.Kind == PictureURL:
		data, err = parseURL(src.URL, limit)
	case src.Kind == PictureReader && src.Reader == nil:
		err = errors.New("a nil io.Reader")
	case src.Kind == PictureReader:
		data, err = src.Reader.Bytes(ctx, limit)
	default:
		data = src.Data
	}
	if err != nil {
		return f, size, err
	}
	f, size, err = p.encoded(data)
	read := f.read
	f.read = func() (*preprocess.Image, error) {
		img, err := read()
		return img, inFile(src.Path, err)
	}
	return f, size, inFile(src.Path, err)
}

// encoded returns the picture in a file's bytes. Its size comes from its headers; only what a
// decoder of the program's own reads is decoded for it, and kept until its pixels are asked for.
func (p *Processor) encoded(data []byte) (f frame, size preprocess.Size, err error) {
	o, other := p.cfg.Decode, false
	if own := o.Decoders.List(); len(own) > 0 {
		for i := range own {
			decode := own[i].Decode
			once := sync.OnceValues(func() (image.Image, error) {
				other = true
				return decode(data)
			})
			own[i].Decode = func([]byte) (image.Image, error) { return once() }
		}
		o.Decoders = preprocess.NewDecoders(own...)
	}
	f.read = func() (*preprocess.Image, error) { return preprocess.Decode(data, o) }
	f.hash = func(k *key) {
		if !other {
			k.bytes(data)
			return
		}
		if img, err := preprocess.Decode(data, o); err == nil { // else there are no features
			k.bytes(fmt.Append(nil, img.Width, img.Height))
			k.bytes(img.Pix)
		}
	}
	size, err = preprocess.DecodeSize(data, o)
	return f, size, err
}

// inFile adds the name of a file to an error, where there is one.
func inFile(path string, err error) error {
	if err == nil || path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// maxBytes is how long a picture file may be. Readers of files go on for a byte more, for the
// decoder to refuse.
func (p *Processor) maxBytes() int {
	if n := p.cfg.Decode.Limits.MaxBytes; n > 0 {
		return n
	}
	return maxPictureBytes
}

// maxPath is how long the path of a file may be; systems have less, and their errors repeat it.
const maxPath = 1 << 15

// load reads a file. What is a URL by its looks is still a path, if there is such a file.
func load(path string, limit int) ([]byte, error) {
	scheme, _, _ := strings.Cut(path, ":")
	switch isURL := strings.EqualFold(scheme, "data") || strings.Contains(path, "://"); {
	case len(path) > maxPath && isURL:
		return nil, fmt.Errorf("not a file, but %q… of %d bytes: give it to ImageURL",
			path[:20], len(path))
	case len(path) > maxPath:
		return nil, fmt.Errorf("a path of %d bytes", len(path))
	case isURL:
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: a URL is not a file; see ImageURL", err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		b.Grow(int(min(info.Size(), int64(limit))) + bytes.MinRead)
	}
	_, err = b.ReadFrom(io.LimitReader(f, int64(limit)+1))
	return b.Bytes(), err
}

// Cause is the field of the request that an error comes from: one of the limits on the size, where
// these cannot be kept, else the source itself.
func (s *Source) Cause(err error) string {
	var bad *preprocess.ConfigError
	if !errors.As(err, &bad) {
		return s.Field
	}
	least, most := s.MinField, s.MaxField
	switch {
	case bad.Field == "max_pixels" && most != "":
		return most
	case bad.Field != "min_pixels" || least == "" && most == "":
		return s.Field
	case least == "":
		return most
	case most == "" || s.Limits.MinPixels < 0:
		return least
	}
	// Both are the request's: what stands beside the picture was said later.
	if own := s.Field + "."; strings.HasPrefix(most, own) && !strings.HasPrefix(least, own) {
		return most
	}
	return least
}
