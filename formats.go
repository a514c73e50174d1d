package qwenvl

// In which formats weights are kept: the public names, what they mean for matrices, for keys and
// values, and how Auto chooses. internal/tensor has the formats themselves.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/internal/components"
	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/pages"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// WeightFormat says how weight matrices are kept and multiplied. What each costs in accuracy,
// memory and time is measured in docs/performance.md. Norms, biases, embeddings, routers of experts
// and patch embeddings are the same in all; keys and values are kept in half precision with Int8
// and Int4.
type WeightFormat string

const (
	// F32 uses weights as the checkpoint stores them, in 16 or 32 bits, mapped, and multiplies in
	// float32: the reference's numbers.
	F32 WeightFormat = "f32"
	// BF16 copies weights, in bfloat16, to memory of large pages, and multiplies in float32. Where
	// the checkpoint stores bfloat16 its numbers are those of F32, which loads at once; tokens are
	// decoded a little faster.
	BF16 WeightFormat = "bf16"
	// Int8 packs weights to 8 bits with a scale for each 256, and quantizes what they are
	// multiplied by to 8 bits as it comes; elements that are too large for that are multiplied in
	// float32.
	Int8 WeightFormat = "int8"
	// Int4 packs weights to 4 bits with a step and a zero for each 64. It is otherwise like Int8.
	// It costs accuracy: on the first real weights that were tried, a text model of 0.5B
	// parameters, perplexity of two texts rose by 4 to 18 %, that of Int8 by under 1 %. Use it
	// where Int8 does not fit.
	Int4 WeightFormat = "int4"
	// Auto is Int8 where the processor has instructions for it, Int4 where the memory that is free
	// does not hold Int8, else F32.
	Auto WeightFormat = "auto"
)

// tensorFormats are the formats of matrices that a WeightFormat asks for.
var tensorFormats = map[WeightFormat]tensor.Format{
	F32: tensor.F32, BF16: tensor.BF16, Int8: tensor.Int8, Int4: tensor.Int4,
}

// cacheFormat is what keys and values are kept in beside a decoder's weights. Beside the rounding
// of packed weights that of half precision is small, and a token reads half as many bytes.
func cacheFormat(text WeightFormat) tensor.Format {
	if tensorFormats[text].Packed() {
		return tensor.F16
	}
	return tensor.F32
}

func (f WeightFormat) check() error {
	if _, ok := tensorFormats[f]; !ok && f != Auto {
		return fmt.Errorf("unknown format %.40q, not %s, %s, %s, %s or %s",
			f, F32, BF16, Int8, Int4, Auto)
	}
	return nil
}

// checkFormat is check for an option, whose name the error has.
func checkFormat(option string, f WeightFormat) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("qwenvl: %s: %w", option, err)
	}
	return nil
}

// resolve turns Auto, and a tower's format that follows the decoder's, into formats.
func (o *options) resolve(s family.Spec, n weights.Names) (text, tower WeightFormat, err error) {
	if text = o.weights; text == Auto {
		if text, err = auto(s, n); err != nil {
			return "", "", err
		}
	}
	switch tower = o.vision; {
	case tower == "" && text == Int4:
		tower = Int8 // a tower is small, and its errors reach every token
	case tower == "":
		tower = text
	case tower == Auto:
		if tower = F32; cpu.Int8() {
			tower = Int8
		}
	}
	return text, tower, nil
}

// auto chooses a format by the processor and the memory that is free.
func auto(spec family.Spec, names weights.Names) (WeightFormat, error) {
	if !cpu.Int8() {
		return F32, nil
	}
	ld, plan := weights.NewPlanner(names)
	if _, err := components.Bind(spec, ld, tensor.Int8, tensor.Int8); err != nil {
		return "", err
	}
	need := int64(0)
	for _, b := range append(plan.Binds, plan.Copies...) {
		if b.Convert {
			need += int64(tensor.PackedBytes(b.Format, b.Shape[0], b.Shape[1]))
		}
	}
	if free := pages.Available(); free > 0 && need > free/10*8 {
		return Int4, nil
	}
	return Int8, nil
}
