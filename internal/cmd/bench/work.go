package main

// What a checkpoint asks of the machine: bytes and operations of each stage.

import (
	"slices"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/kernel"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/vision"
)

// work is what a checkpoint asks of the machine, for setting timings against the machine's limits.
// Norms, rotations and other work that grows with neither weights nor context twice over are left
// out, so a share of a limit is a little understated.
type work struct {
	text, tower string // formats of the weights

	token     float64 // weights that a decoded token goes through, head included
	prefill   float64 // of these, those that every token of a prompt goes through
	position  float64 // floats of keys and values that a position leaves behind
	attention float64 // multiplications and additions of a token for each position that it attends to

	patch  float64 // weights that a patch goes through
	merged float64 // weights that a token of a picture goes through before it is one
	encode vision.Config
}

// bytesOf is what a weight takes in memory as it is read, its share of scales included.
func bytesOf(format string) float64 {
	switch format {
	case "f32":
		return 4
	case "int8":
		return packedBytesOf(tensor.Int8)
	case "int4":
		return packedBytesOf(tensor.Int4)
	}
	return 2 // bf16, f16
}

func packedBytesOf(f tensor.Format) float64 {
	const rows, cols = kernel.PanelRows, kernel.Group // nothing is filled up
	return float64(tensor.PackedBytes(f, rows, cols)) / (rows * cols)
}

// peak is the rate of the arithmetic that a format uses, in operations a second.
func (l limits) peak(format string) float64 {
	if format == "int8" || format == "int4" {
		return l.Int8 * 1e9
	}
	return l.F32 * 1e9
}

// findWork reads the checkpoint's configuration.
func findWork(dir, text, tower string) (work, error) {
	in, err := qwenvl.Inspect(dir)
	if err != nil {
		return work{}, err
	}
	from, err := checkpoint.Open(dir)
	if err != nil {
		return work{}, err
	}
	spec, err := family.Load(from)
	if err != nil {
		return work{}, err
	}
	w := work{text: text, tower: tower}
	if w.text == string(qwenvl.F32) { // as they are stored
		if w.text, err = stored(from, spec); err != nil {
			return work{}, err
		}
	}
	p, c := in.Parameters, spec.LLM
	head := float64(c.HiddenSize) * float64(c.VocabSize)
	w.token = float64(p.Active)
	if !c.TiedHead {
		w.token -= float64(p.Embedding) // of which one row is read
	}
	w.prefill = w.token - head // logits are wanted of the last token only
	for _, l := range c.Layers {
		switch {
		case l.GQA != nil:
			w.position += float64(2 * l.GQA.NumKVHeads * l.GQA.HeadDim)
			w.attention += float64(4 * l.GQA.NumHeads * l.GQA.HeadDim)
		case l.MLA != nil:
			w.position += float64(l.MLA.LatentDim + l.MLA.RopeDim)
			w.attention += float64(2 * l.MLA.NumHeads * (l.MLA.NopeDim + l.MLA.RopeDim + l.MLA.ValueDim))
		}
	}
	if v := spec.Vision; v != nil {
		w.encode, w.patch, w.merged = v.Encoder, float64(p.Vision), float64(p.Adapter)
		w.patch -= float64(v.Encoder.HiddenSize * v.Encoder.Position.Rows * v.Encoder.Position.Cols)
	}
	return w, nil
}

// stored returns how the checkpoint stores its matrices.
func stored(from checkpoint.Checkpoint, spec family.Spec) (string, error) {
	src, err := from.Tensors()
	if err != nil {
		return "", err
	}
	defer src.Close()
	_, names := spec.Find(from, src)
	t, ok := src.Tensor(names("embed.weight").Name)
	if !ok {
		return string(qwenvl.F32), nil
	}
	return map[weights.DType]string{weights.F32: "f32", weights.BF16: "bf16", weights.F16: "f16"}[t.DType], nil
}

// decodeBytes is what a step of a batch reads: the weights once, and keys and values of each
// sequence's positions.
func (w work) decodeBytes(batch, depth int) float64 {
	cached := 4.0 // bytes of a number of keys or values
	if w.text == string(qwenvl.Int8) || w.text == string(qwenvl.Int4) {
		cached = 2
	}
	return w.token*bytesOf(w.text) + float64(batch*depth)*w.position*cached
}

// decodeLimit is tokens a second when memory is read at its bandwidth.
func (w work) decodeLimit(l limits, batch, depth int) float64 {
	return float64(batch) * l.Bandwidth * 1e9 / w.decodeBytes(batch, depth)
}

// prefillLimit is tokens a second when products of matrices run at the peak of their format and
// attention at that of float32.
func (w work) prefillLimit(l limits, tokens int) float64 {
	attention := w.attention * float64(tokens+1) / 2 // on average: a token attends to itself and those before it
	return 1 / (2*w.prefill/l.peak(w.text) + attention/(l.F32*1e9))
}

// visionLimit is the seconds of one square picture in the same way.
func (w work) visionLimit(l limits, patches, tokens int) float64 {
	n := float64(patches)
	linear := 2 * (w.patch*n + w.merged*float64(tokens))
	window := n
	if side := w.encode.Window * w.encode.MergeSize; side > 0 {
		window = min(n, float64(side*side))
	}
	attention := 0.0
	for b := range w.encode.Depth {
		span := n
		if w.encode.Window > 0 && !slices.Contains(w.encode.FullAttention, b) {
			span = window
		}
		attention += 4 * n * span * float64(w.encode.HiddenSize)
	}
	return linear/l.peak(w.tower) + attention/(l.F32*1e9)
}
