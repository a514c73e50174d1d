// Package components binds what a model computes with, decoder, tower and adapter, to the weights
// of a checkpoint, and runs tower and adapter for the engine.
//
// Loading, planning (Inspect, Estimate, the choice of a format) and the engine share Bind: what one
// of them counts is what another loads.
package components

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/vision"
)

// Components is what a model computes with.
type Components struct {
	Decoder *llm.Decoder
	Encoder *vision.Encoder // nil: text only
	Adapter adapter.Adapter

	unpacked, unpackedTower []*tensor.Matrix // what is to be packed before it is used
	packing                 chan struct{}    // full while unpackedTower is in use
}

// Bind makes the components of a model from the weights that a loader finds: the decoder's, and
// those of tower and adapter, in a format each.
//
// Errors: those of a component whose configuration is impossible. What the loader misses, its
// Finish tells.
func Bind(spec family.Spec, ld *weights.Loader, text, tower tensor.Format) (*Components, error) {
	c := &Components{packing: make(chan struct{}, 1)}
	var err error
	if c.Decoder, err = llm.New(spec.LLM, ld.As(text)); err != nil {
		return nil, err
	}
	c.unpacked = ld.Pending()
	v := spec.Vision
	if v == nil {
		return c, nil
	}
	seeing, cfg := ld.As(tower), v.Encoder
	cfg.Attention = tensor.F32
	if tower.Packed() { // a score in 8 bits is hardly less exact than the query and the key
		cfg.Attention = tensor.Int8
	}
	if c.Encoder, err = vision.New(cfg, seeing.Sub("vision")); err != nil {
		return nil, err
	}
	c.Adapter, err = adapter.New(v.Adapter, seeing.Sub("adapter"))
	c.unpackedTower = ld.Pending()[len(c.unpacked):]
	return c, err
}

// OfTower reports whether a tensor, by its canonical name, belongs to tower or adapter.
func OfTower(canonical string) bool {
	return strings.HasPrefix(canonical, "vision.") || strings.HasPrefix(canonical, "adapter.")
}

// PackDecoder packs the weights of the decoder.
func (c *Components) PackDecoder(src *weights.Source, threads int) error {
	ex := tensor.NewExec(threads)
	defer ex.Close()
	err := src.Pack(ex, c.unpacked)
	c.unpacked = nil
	return err
}

// PackTower packs the weights of tower and adapter unless that was done before; the first request
// with a picture asks for it.
//
// Errors: ctx's; the system's.
func (c *Components) PackTower(ctx context.Context, src *weights.Source, threads int) error {
	select {
	case c.packing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.packing }()
	if len(c.unpackedTower) == 0 {
		return nil
	}
	ex := tensor.NewExec(threads)
	defer ex.Close()
	defer context.AfterFunc(ctx, ex.Stop)()
	if err := src.Pack(ex, c.unpackedTower); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	c.unpackedTower = nil
	return nil
}

// probe is how many bytes of a tensor count in Identity: those of one page, which are read together
// anyway.
const probe = 4 << 10

// Identity tells towers apart: a hash of how tower and adapter compute, of the format of their
// matrices, and of each of their tensors by name, shape and first bytes. Fine-tuned towers differ
// in some tensor from its beginning.
func Identity(
	spec family.Spec, src *weights.Source, names weights.Names, format tensor.Format,
) (id [sha256.Size]byte) {
	h := sha256.New()
	described, err := json.Marshal(spec.Vision)
	if err != nil {
		panic("components: a Spec that JSON cannot hold")
	}
	fmt.Fprintf(h, "%s %v", described, format)
	ld, plan := weights.NewPlanner(names)
	if _, err := Bind(spec, ld, format, format); err != nil {
		panic("components: a Spec that was not loaded")
	}
	for _, b := range plan.Binds {
		if t, ok := src.Tensor(b.Ref.Name); ok && OfTower(b.Canonical) {
			fmt.Fprintf(h, "%s %s %v %v", b.Canonical, t.Name, t.DType, t.Shape)
			h.Write(t.Data[:min(len(t.Data), probe)])
		}
	}
	h.Sum(id[:0])
	return id
}
