package qwenvl

// How a model is loaded and run. Each option checks its own range; what an option's default depends
// on stands in newOptions. formats.go has the weight formats.

import (
	"errors"
	"fmt"
	"image"
	"runtime"

	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
)

// Option changes how a model is loaded and run.
type Option func(*options) error

type options struct {
	threads  int
	context  int // 0: the checkpoint's own
	chunk    int
	maxBatch int
	weights  WeightFormat
	vision   WeightFormat // "": follows weights
	decode   preprocess.DecodeOptions
	decoders []preprocess.Decoder // behind those of decode
}

func newOptions(opts []Option) (options, error) {
	o := options{chunk: 512, maxBatch: 16, weights: F32}
	o.threads = min(runtime.GOMAXPROCS(0), maxThreads)
	for _, set := range opts {
		if set == nil {
			return options{}, errors.New("qwenvl: an Option is nil")
		}
		if err := set(&o); err != nil {
			return options{}, err
		}
	}
	if len(o.decoders) > 0 {
		all := append(o.decode.Decoders.List(), o.decoders...)
		o.decode.Decoders = preprocess.NewDecoders(all...)
	}
	return o, nil
}

const (
	maxThreads = 1024
	maxRows    = 1 << 16
)

// WithThreads sets the number of threads that compute, 1 to 1024. The default is GOMAXPROCS. It
// changes no result.
func WithThreads(n int) Option {
	return func(o *options) error {
		o.threads = n
		return inRange("WithThreads", n, 1, maxThreads)
	}
}

// WithContextSize sets how many tokens a request's prompt and answer may have together, at least
// 16. The default is what the checkpoint was trained for, max_position_embeddings, or what its
// scaled rotary embedding reaches (YaRN: factor times the original length; linear and dynamic:
// factor times max_position_embeddings), whichever is more, but not beyond a sliding window of the
// checkpoint, which is not implemented: more than that is an error of [Load]. Memory for keys and
// values is taken as it fills.
func WithContextSize(n int) Option {
	return func(o *options) error {
		o.context = n
		return inRange("WithContextSize", n, 16, 1<<24)
	}
}

// contextOf is the context of a model: what was asked for, or the decoder's own.
func (o *options) contextOf(d llm.Config) (int, error) {
	switch limit := d.ContextLimit; {
	case o.context == 0:
		return d.MaxContext, nil
	case limit > 0 && o.context > limit:
		return 0, fmt.Errorf("qwenvl: WithContextSize: %d, and the checkpoint's sliding window of %d "+
			"positions is not implemented", o.context, limit)
	}
	return o.context, nil
}

// WithPrefillChunk sets how many prompt tokens go through the model at a time, 1 to 65536. The
// default is 512. Larger chunks are a little faster, smaller ones let the answers of other requests
// flow more evenly. It changes no result.
func WithPrefillChunk(n int) Option {
	return func(o *options) error {
		o.chunk = n
		return inRange("WithPrefillChunk", n, 1, maxRows)
	}
}

// WithMaxBatch sets how many requests run at a time, 1 to 4096; more wait in order. The default is
// 16. It changes no result.
func WithMaxBatch(n int) Option {
	return func(o *options) error {
		o.maxBatch = n
		return inRange("WithMaxBatch", n, 1, 4096)
	}
}

// WithWeightFormat sets how the decoder's weights are kept and multiplied. The default is [F32],
// the reference's numbers.
func WithWeightFormat(f WeightFormat) Option {
	return func(o *options) error {
		o.weights = f
		return checkFormat("WithWeightFormat", f)
	}
}

// WithVisionFormat sets how the weights of the vision tower and its adapter are kept and
// multiplied. The default is the decoder's format, but [Int8] where that is [Int4]. Packing them
// waits for the first picture.
func WithVisionFormat(f WeightFormat) Option {
	return func(o *options) error {
		o.vision = f
		return checkFormat("WithVisionFormat", f)
	}
}

// WithDecodeOptions sets how pictures are read: what happens to transparency, orientation and
// 16-bit gray, and the limits on their size. The zero value, the default, is what the reference
// does.
func WithDecodeOptions(d preprocess.DecodeOptions) Option {
	return func(o *options) error {
		o.decode = d
		return nil
	}
}

// WithDecoder adds a reader of pictures that this package does not read, such as HEIC, TIFF or a
// page of a PDF:
//
//	qwenvl.WithDecoder("heic", isHEIC, heic.Decode)
//
// Where a file begins like no format that is read here, sniff is asked whether the decoder knows
// it, and decode for the picture, upright. The name stands in errors; that of a format which is
// read here ("jpeg", "png", "gif", "webp", "bmp") puts the decoder in its place. Decoders are asked
// in the order of the options, from several goroutines; a panic of theirs is an error of the
// request. The limits of [WithDecodeOptions] hold.
//
// A decoder says nothing of a size without decoding, so such a picture is decoded when the request
// comes in, once, and its pixels are in memory while it waits; CountTokens decodes it, too.
func WithDecoder(
	name string, sniff func(data []byte) bool, decode func(data []byte) (image.Image, error),
) Option {
	return func(o *options) error {
		if name == "" || sniff == nil || decode == nil {
			return errors.New("qwenvl: WithDecoder: without a name, sniff or decode")
		}
		d := preprocess.Decoder{Name: name, Sniff: sniff, Decode: decode}
		o.decoders = append(o.decoders, d)
		return nil
	}
}

func inRange(option string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("qwenvl: %s: %d is not in %d…%d", option, n, least, most)
	}
	return nil
}
