package main

// Keeping what a traced request tells, and cutting it to what a fixture records.

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// rows is a stage as it was computed, [n, cols] in row-major order.
type rows struct {
	cols int
	data []float32
	odd  bool // its width changed on the way
}

func (r *rows) n() int {
	if r.cols == 0 {
		return 0
	}
	return len(r.data) / r.cols
}

// String says what is worth knowing of rows that there is nothing to compare with.
func (r *rows) String() string {
	sum := 0.0
	for _, v := range r.data {
		sum += float64(v) * float64(v)
	}
	return fmt.Sprintf("%d rows of %d, root mean square %.4g", r.n(), r.cols,
		math.Sqrt(sum/float64(max(len(r.data), 1))))
}

// slice returns rows lo to hi, as far as there are any.
func (r *rows) slice(lo, hi int) *rows {
	n := r.n()
	lo, hi = min(lo, n), min(hi, n)
	return &rows{cols: r.cols, data: r.data[lo*r.cols : hi*r.cols], odd: r.odd}
}

// recording is what hooks tell of one request.
type recording struct {
	wanted map[string]bool // stages to keep
	prompt *processor.Prompt
	pixels []*preprocess.Patches // of the prompt's media
	stages map[string]*rows
}

// newRecording keeps the stages of these names, numbered ones also by the name alone. The second
// run of a tower is a part of its first: both report alike.
func newRecording(names []string) *recording {
	r := &recording{wanted: map[string]bool{}, stages: map[string]*rows{}}
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, "vision2."); ok {
			n = "vision." + rest
		}
		r.wanted[n] = true
	}
	return r
}

// setPrompt keeps a prompt. Until its pixels are made, their grids are known.
func (r *recording) setPrompt(p *processor.Prompt) {
	r.prompt, r.pixels = p, make([]*preprocess.Patches, len(p.Media))
	for i, m := range p.Media {
		r.pixels[i] = &preprocess.Patches{N: m.Grid.Patches(), Grid: m.Grid}
	}
}

func (r *recording) setPixels(medium int, p *preprocess.Patches) { r.pixels[medium] = p }

// trace appends rows to their stage.
func (r *recording) trace(stage string, index int, t tensor.Tensor) {
	wanted := r.wanted[stage]
	if index >= 0 {
		stage += "." + strconv.Itoa(index)
	}
	if !wanted && !r.wanted[stage] {
		return
	}
	s := r.stages[stage]
	if s == nil {
		s = &rows{cols: t.Cols}
		r.stages[stage] = s
	}
	s.odd = s.odd || s.cols != t.Cols
	for i := range t.Rows {
		s.data = append(s.data, t.Row(i)...)
	}
}

// prefill returns the prompt's part of a decoder stage: one row for each token, before those of
// decoding.
func (r *recording) prefill(stage string) *rows {
	if s := r.stages[stage]; s != nil && r.prompt != nil {
		return s.slice(0, len(r.prompt.Tokens))
	}
	return nil
}

// steps returns the logits that tokens were chosen from: the last row of the prompt and one for
// each further step.
func (r *recording) steps() *rows {
	if s := r.stages["logits"]; s != nil && r.prompt != nil {
		return s.slice(len(r.prompt.Tokens)-1, s.n())
	}
	return nil
}

// tower returns the part of a tower's stage that belongs to its pictures or to its videos. They
// were encoded in the order of the text; each medium's share of the rows is its share of the
// patches.
func (r *recording) tower(stage string, video bool) *rows {
	s := r.stages[stage]
	if s == nil || r.prompt == nil {
		return nil
	}
	total, mixed := 0, false
	for _, m := range r.prompt.Media {
		total += m.Grid.Patches()
		mixed = mixed || m.Video != video
	}
	if !mixed || total == 0 {
		return s
	}
	out := &rows{cols: s.cols, odd: s.odd || s.n()*r.prompt.Media[0].Grid.Patches()%total != 0}
	before := 0
	for _, m := range r.prompt.Media {
		lo := before * s.n() / total
		before += m.Grid.Patches()
		if m.Video == video {
			out.data = append(out.data, s.slice(lo, before*s.n()/total).data...)
		}
	}
	return out
}

// media returns the pictures or the videos, in order.
func (r *recording) media(video bool) []processor.Medium {
	var out []processor.Medium
	for _, m := range r.prompt.Media {
		if m.Video == video {
			out = append(out, m)
		}
	}
	return out
}

// patches returns their patches.
func (r *recording) patches(video bool) []*preprocess.Patches {
	var out []*preprocess.Patches
	for i, m := range r.prompt.Media {
		if m.Video == video {
			out = append(out, r.pixels[i])
		}
	}
	return out
}
