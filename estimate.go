package qwenvl

// The memory that a use of a checkpoint takes, from an Inspection and a few measured constants. How
// the numbers compare with measured peaks is in docs/memory.md.

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"math"
	"os"
	"runtime"

	"github.com/qwenvl/qwenvl/internal/components"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/preprocess"
)

// EstimateRequest says what a model is to be used for.
type EstimateRequest struct {
	// ContextTokens is the tokens of prompt and answer together, placeholders of the pictures
	// included. 0 means the pictures' tokens and a little text.
	ContextTokens int
	// Pictures is the sizes of a request's pictures in pixels, as they are given.
	Pictures []image.Point
	// MinPixels and MaxPixels are as in a [Request].
	MinPixels, MaxPixels int
	// PrefillChunk is as in [WithPrefillChunk]; 0 is its default.
	PrefillChunk int
	// Threads is as in [WithThreads]; 0 is its default.
	Threads int
	// WeightFormat and VisionFormat are as in [WithWeightFormat] and [WithVisionFormat]; "" is
	// their default.
	WeightFormat, VisionFormat WeightFormat
}

// Memory is an estimate in bytes of what a process needs.
type Memory struct {
	Weights   int64 // packed, or mapped from files: then the system can drop and read them again
	Cache     int64 // keys, values and recurrent state of the context
	Vision    int64 // of the largest pass of the tower: patches, activations, workspace
	Workspace int64 // of passes of the decoder and of threads, with their garbage
	Tokenizer int64 // vocabulary and merges, and what parsing them leaves behind
	Program   int64 // what the program has in memory when Estimate is called
	Total     int64 // the peak of all: tower and decoder use one workspace in turn
}

// What was measured: see docs/memory.md.
const (
	tokenizerBytes = 430     // for each entry of the vocabulary
	codeBytes      = 3 << 19 // of the program that are touched when it computes first
	packingBytes   = 3 << 18 // what packing touches of the program, and its scratch
	threadBytes    = 480 << 10
	garbage        = 0.35 // of cache and workspace: what the collector leaves beside them
)

// Estimate tells how much memory a checkpoint needs for a use, from its configuration.
//
// Errors: *[CheckpointError]; *[RequestError].
func Estimate(dir string, r EstimateRequest) (Memory, error) {
	in, err := Inspect(dir)
	if err != nil {
		return Memory{}, err
	}
	return in.Estimate(r)
}

// Estimate tells how much memory the checkpoint needs for a use.
//
// Errors: *[RequestError].
func (in *Inspection) Estimate(r EstimateRequest) (Memory, error) {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"ContextTokens", r.ContextTokens}, {"PrefillChunk", r.PrefillChunk}, {"Threads", r.Threads},
	} {
		if f.value < 0 {
			return Memory{}, requestError(f.name, "below 0")
		}
	}
	if err := checkPixels("", r.MinPixels, r.MaxPixels); err != nil {
		return Memory{}, err
	}
	text, tower, formats, err := in.weights(r.WeightFormat, r.VisionFormat)
	if err != nil {
		return Memory{}, err
	}
	m := Memory{Weights: text + tower, Program: programBytes()}
	packed := tensorFormats[formats[0]].Packed()
	tokens, rows, workspace, err := in.vision(&r, tensorFormats[formats[1]].Packed())
	if err != nil {
		return Memory{}, err
	}
	context := r.ContextTokens
	if context == 0 {
		context = tokens + 64
	}
	if context < tokens {
		return Memory{}, requestError("ContextTokens",
			fmt.Sprintf("%d, but the pictures alone take %d", context, tokens))
	}
	if r.PrefillChunk == 0 {
		r.PrefillChunk = 512
	}
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	llm := in.spec.LLM
	features := 4 * int64(tokens) * int64(llm.HiddenSize)
	if v := in.spec.Vision; v != nil {
		features *= int64(1 + len(v.Encoder.Taps))
	}
	m.Cache = llm.CacheBytes(context, cacheFormat(formats[0]) == tensor.F16)
	m.Workspace = llm.PassBytes(min(context, r.PrefillChunk), packed) + int64(r.Threads)*threadBytes
	m.Workspace += int64(garbage * float64(m.Cache+m.Workspace))
	m.Vision = rows + workspace + features
	m.Tokenizer = tokenizerBytes * int64(llm.VocabSize)
	m.Total = m.Weights + m.Cache + rows + features + max(workspace, m.Workspace) + m.Tokenizer +
		m.Program + codeBytes
	if packed {
		m.Total += packingBytes
	}
	if len(r.Pictures) == 0 { // the tower's weights are not touched
		m.Total -= tower
	}
	return m, nil
}

// weights returns the memory that the weights of the decoder and of tower and adapter take, and the
// format of each.
func (in *Inspection) weights(text, tower WeightFormat) (
	decoder, seeing int64, formats [2]WeightFormat, err error,
) {
	o := options{weights: cmp.Or(text, F32), vision: tower}
	for _, f := range []struct {
		name   string
		format WeightFormat
	}{{"WeightFormat", o.weights}, {"VisionFormat", cmp.Or(tower, F32)}} {
		if err := f.format.check(); err != nil {
			return 0, 0, formats, &RequestError{Field: f.name, Err: err}
		}
	}
	if text, tower, err = o.resolve(in.spec, in.names); err != nil {
		return 0, 0, formats, err
	}
	ld, plan := weights.NewPlanner(in.names)
	_, err = components.Bind(in.spec, ld, tensorFormats[text], tensorFormats[tower])
	if err != nil {
		return 0, 0, formats, err
	}
	stored := float64(in.spec.ItemBytes)
	if in.stored > 0 && in.Parameters.Total > 0 {
		stored = float64(in.stored) / float64(in.Parameters.Total)
	}
	var bytes [2]float64 // of the decoder, and of tower and adapter
	for _, b := range append(plan.Binds, plan.Copies...) {
		n := float64(elements(b.Shape)) * stored
		switch {
		case b.Convert && b.Joined: // packed from a copy
			n += float64(tensor.PackedBytes(b.Format, b.Shape[0], b.Shape[1]))
		case b.Convert:
			n = float64(tensor.PackedBytes(b.Format, b.Shape[0], b.Shape[1]))
		case b.Canonical == "embed.weight" && text != F32:
			n = 0 // of which a few rows are read
		}
		if components.OfTower(b.Canonical) {
			bytes[1] += n
		} else {
			bytes[0] += n
		}
	}
	seeing = int64(math.Round(bytes[1]))
	return int64(math.Round(bytes[0]+bytes[1])) - seeing, seeing, [2]WeightFormat{text, tower}, nil
}

// elements is how many numbers a shape has.
func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// vision returns the tokens of the pictures, and the memory of the largest pass of the tower.
func (in *Inspection) vision(r *EstimateRequest, packed bool) (
	tokens int, rows, workspace int64, err error,
) {
	v := in.spec.Vision
	if v == nil && len(r.Pictures) > 0 {
		return 0, 0, 0, requestError("Pictures", "the model is text only")
	}
	limits := preprocess.Limits{MinPixels: r.MinPixels, MaxPixels: r.MaxPixels}
	pass := 0
	for i, p := range r.Pictures {
		grid, _, err := v.Preprocess.Size(p.X, p.Y, limits)
		if err != nil {
			return 0, 0, 0, &RequestError{Field: r.cause(err, i), Err: err}
		}
		n := grid.Patches()
		if pass > 0 && pass+n > engine.PassPatches {
			pass = 0
		}
		pass += n
		tokens += v.Adapter.Tokens(grid)
		if a, b := v.Encoder.PassBytes(pass, packed); a+b > rows+workspace {
			rows, workspace = a, b
		}
	}
	return tokens, rows, workspace, nil
}

// cause is the field that a picture's size cannot be computed for: a limit, or the picture.
func (r *EstimateRequest) cause(err error, picture int) string {
	s := processor.Source{Field: fmt.Sprintf("Pictures[%d]", picture)}
	s.Limits.MinPixels, s.MinField = limit(0, r.MinPixels, "", "MinPixels")
	s.Limits.MaxPixels, s.MaxField = limit(0, r.MaxPixels, "", "MaxPixels")
	return s.Cause(err)
}

// programBytes returns the resident memory of the running program.
func programBytes() int64 {
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int64
		if _, err := fmt.Fscan(bytes.NewReader(data), &size, &resident); err == nil {
			return resident * int64(os.Getpagesize())
		}
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.Sys)
}
