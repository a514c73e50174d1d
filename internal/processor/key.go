package processor

// The content key of a media item: a hash of all that determines its features. Items with equal keys have equal
// features, in any request of any model that was loaded from the same tower; the reverse need not hold, since one
// picture can be stored in many ways. Time stamps are no part of it: they go into the prompt, not into the tower.

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"image"
	"image/color"

	"github.com/qwenvl/qwenvl/preprocess"
)

// key is a content key in the making. Every part of it says its kind and its length, so that no two contents run
// together alike.
type key struct{ h hash.Hash }

// newKey begins the key of a medium with what is said of all media: tower, preprocessing, limits. It returns nil
// where no key is wanted.
func (p *Processor) newKey(video bool, lim preprocess.Limits, measure bool) *key {
	if measure {
		return nil
	}
	k := &key{sha256.New()}
	checkpoint := p.cfg.Checkpoint()
	k.h.Write(checkpoint[:])
	k.add("%+v %+v %+v %v", p.cfg.Vision.Preprocess, p.cfg.Decode, lim, video)
	return k
}

func (k *key) sum() (out [sha256.Size]byte) {
	k.h.Sum(out[:0])
	return out
}

func (k *key) add(format string, args ...any) { k.bytes(fmt.Appendf(nil, format, args...)) }

func (k *key) bytes(b []byte) {
	fmt.Fprintf(k.h, "%d:", len(b))
	k.h.Write(b)
}

// image adds the samples of a picture in memory. It reports false for a type whose samples it cannot reach, and for
// a picture so broken that a method of it panics.
func (k *key) image(m image.Image) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	k.add("%T %v", m, m.Bounds())
	h := m.Bounds().Dy()
	switch m := m.(type) {
	case *image.RGBA:
		k.plane(m.Pix, m.Stride, h)
	case *image.NRGBA:
		k.plane(m.Pix, m.Stride, h)
	case *image.RGBA64:
		k.plane(m.Pix, m.Stride, h)
	case *image.NRGBA64:
		k.plane(m.Pix, m.Stride, h)
	case *image.Gray:
		k.plane(m.Pix, m.Stride, h)
	case *image.Gray16:
		k.plane(m.Pix, m.Stride, h)
	case *image.CMYK:
		k.plane(m.Pix, m.Stride, h)
	case *image.Paletted:
		for _, c := range m.Palette {
			k.add("%v", color.NRGBAModel.Convert(c)) // with the color of what is transparent
		}
		k.plane(m.Pix, m.Stride, h)
	case *image.YCbCr:
		k.add("%v", m.SubsampleRatio)
		k.plane(m.Y, m.YStride, h)
		k.plane(m.Cb, m.CStride, h)
		k.plane(m.Cr, m.CStride, h)
	default:
		return false
	}
	return true
}

// plane adds rows of samples, but not what lies behind them where the picture is cut out of another.
func (k *key) plane(pix []uint8, stride, rows int) {
	if stride > 0 && rows < len(pix)/stride {
		pix = pix[:rows*stride]
	}
	k.add("%d", stride)
	k.bytes(pix)
}
