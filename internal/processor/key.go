package processor

// The content key of a media item: a hash of all that determines its features. Items with equal
// keys have equal features, in any request of any model that was loaded from the same tower; the
// reverse need not hold, since one picture can be stored in many ways. Time stamps are no part of
// it: they go into the prompt, not into the tower.

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"image"

	"github.com/qwenvl/qwenvl/preprocess"
)

// key is a content key in the making. Each part of it comes with its length, so that no two
// contents run together alike.
type key struct{ h hash.Hash }

// newKey begins the key of a medium with what is said of all media: tower, preprocessing, limits.
func (p *Processor) newKey(video bool, lim preprocess.Limits) *key {
	k := &key{sha256.New()}
	checkpoint := p.cfg.Checkpoint()
	k.h.Write(checkpoint[:])
	decode := p.cfg.Decode
	decode.Decoders = nil // of what they read, the pixels count
	k.bytes(fmt.Appendf(nil, "%+v %+v %+v %v", p.cfg.Vision.Preprocess, decode, lim, video))
	return k
}

func (k *key) sum() (out [sha256.Size]byte) {
	k.h.Sum(out[:0])
	return out
}

func (k *key) bytes(b []byte) {
	fmt.Fprintf(k.h, "%d:", len(b))
	k.h.Write(b)
}

// image adds the samples of a picture in memory. It reports false for a type whose samples it does
// not reach, and for a picture so broken that reading it panics.
func (k *key) image(m image.Image) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	r := m.Bounds()
	k.bytes(fmt.Appendf(nil, "%T %v", m, r))
	switch m := m.(type) {
	case *image.RGBA:
		k.plane(m.Pix, m.Stride, 4*r.Dx(), r.Dy())
	case *image.NRGBA:
		k.plane(m.Pix, m.Stride, 4*r.Dx(), r.Dy())
	case *image.Gray:
		k.plane(m.Pix, m.Stride, r.Dx(), r.Dy())
	case *image.YCbCr:
		first := m.COffset(r.Min.X, r.Min.Y)
		w := m.COffset(r.Max.X-1, r.Min.Y) - first + 1
		h := (m.COffset(r.Min.X, r.Max.Y-1)-first)/m.CStride + 1
		k.bytes(fmt.Append(nil, m.SubsampleRatio))
		k.plane(m.Y, m.YStride, r.Dx(), r.Dy())
		k.plane(m.Cb, m.CStride, w, h)
		k.plane(m.Cr, m.CStride, w, h)
	default:
		return false
	}
	return true
}

// plane adds rows of samples, and nothing beside them: a picture may be cut out of another that
// changes meanwhile.
func (k *key) plane(pix []uint8, stride, width, height int) {
	for y := range height {
		k.h.Write(pix[y*stride : y*stride+width])
	}
}
