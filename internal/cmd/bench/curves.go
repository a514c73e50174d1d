package main

// How the cost grows with length, batch and picture (-curves), beside what the machine allows.

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// curves is the JSON object of -curves: how the cost grows, beside what the machine's limits allow.
// Figures are medians.
type curves struct {
	Prefill []point `json:"prefill"`          // tokens a second, by tokens of the prompt
	Decode  []point `json:"decode"`           // tokens a second of one sequence, by tokens before them
	Vision  []point `json:"vision,omitempty"` // seconds, by patches of a square picture

	limits
	Format       string   `json:"format"`
	VisionFormat string   `json:"vision_format,omitempty"`
	Threads      int      `json:"threads"`
	Repeat       int      `json:"repeat"`
	CPU          string   `json:"cpu"`
	Features     []string `json:"features"`
	Commit       string   `json:"commit"`
}

// point is one cost and its limit.
type point struct {
	N     int     `json:"n"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`

	runs []float64
}

const (
	leastPrompt  = 128
	leastPatches = 256
)

// sizes returns least, and its doubles up to most.
func sizes(least, most int) []int {
	var s []int
	for n := least; n <= most; n *= 2 {
		s = append(s, n)
	}
	return s
}

// squares returns sides, in multiples of merge, of squares of about least patches and its doubles,
// up to most.
func squares(merge, least, most int) []int {
	var s []int
	for _, n := range sizes(least, most) {
		side := int(math.Sqrt(float64(n))) / merge * merge
		s = append(s, side)
	}
	return s
}

// trace times the curves, round by round over all points. A short prompt and a small picture go
// first and do not count.
func trace(ctx context.Context, c config, log io.Writer) (*curves, error) {
	r := &curves{Threads: c.threads, Repeat: c.repeat, CPU: cpuModel(), Features: cpu.Names(), Commit: commit()}
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	m, err := c.load(r.Threads)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	r.Format, r.VisionFormat = string(m.Info().WeightFormat), string(m.Info().VisionFormat)
	w, err := findWork(c.model, r.Format, r.VisionFormat)
	if err != nil {
		return nil, err
	}
	t := tracer{bencher: bencher{ctx, m, c}, log: log}
	t.c.batch = 1
	least, err := t.count("a")
	if err != nil {
		return nil, err
	}
	for _, n := range append([]int{least}, sizes(max(leastPrompt, least+1), min(c.maxPrompt, m.Info().ContextSize-c.decode-1))...) {
		r.Prefill, r.Decode = append(r.Prefill, point{N: n}), append(r.Decode, point{N: n})
	}
	var sides []int
	if info := m.Info(); info.Pictures {
		if err := t.packTower(); err != nil {
			return nil, err
		}
		sides = squares(info.MergeSize, leastPatches, c.maxPatches)
		r.Vision = make([]point, len(sides))
	}
	var found []limits
	for round := range c.repeat + 1 {
		last := 1 // point of the first round
		if round > 0 {
			last = max(len(r.Prefill), len(sides))
		}
		for i := range last {
			if i < len(r.Prefill) {
				err = t.prompt(&r.Prefill[i], &r.Decode[i], round)
			}
			if i < len(sides) && err == nil {
				err = t.picture(&r.Vision[i], sides[i], round)
			}
			if err != nil {
				return nil, err
			}
		}
		l, err := findLimits(r.Threads)
		if err != nil {
			return nil, err
		}
		found = append(found, l)
		debug.FreeOSMemory()
	}
	r.Bandwidth = over(found, func(l *limits) *float64 { return &l.Bandwidth })
	r.Int8 = over(found, func(l *limits) *float64 { return &l.Int8 })
	r.F32 = over(found, func(l *limits) *float64 { return &l.F32 })
	r.Prefill = r.Prefill[1:] // a template alone is no prompt, only the least depth
	settle(r.Prefill, func(n int) float64 { return w.prefillLimit(r.limits, n) })
	settle(r.Decode, func(n int) float64 { return w.decodeLimit(r.limits, 1, n+c.decode/2) })
	merge := max(1, m.Info().MergeSize)
	settle(r.Vision, func(n int) float64 { return w.visionLimit(r.limits, n, n/(merge*merge)) })
	return r, nil
}

// tracer times single points of a loaded model.
type tracer struct {
	bencher
	log  io.Writer
	made int // points so far: no two have the same text or picture, so that nothing kept from one can help another
}

// prompt times a prompt and the tokens after it. Nothing is taken down in round 0.
func (t *tracer) prompt(prefill, decode *point, round int) error {
	t.made++
	t.c.prompt = prefill.N
	text, err := t.textFrom(fmt.Sprintf("%04d", t.made), prefill.N)
	if err != nil {
		return err
	}
	p, d, err := t.generate(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.log, "bench: round %d: %d tokens: %.1f tok/s, then %.1f\n", round, prefill.N, p, d)
	if round > 0 {
		prefill.runs, decode.runs = append(prefill.runs, p), append(decode.runs, d)
	}
	return nil
}

// picture times a square picture. Nothing is taken down in round 0.
func (t *tracer) picture(p *point, side, round int) error {
	t.made++
	text, _, err := t.short()
	if err != nil {
		return err
	}
	side *= t.model.Info().PatchSize
	m := picture(side, side)
	m.Pix[0], m.Pix[1] = uint8(t.made), uint8(t.made>>8)
	resp, patches, err := t.see(m, text, 1)
	if err != nil {
		return err
	}
	s := resp.Timings.Vision.Seconds()
	fmt.Fprintf(t.log, "bench: round %d: %d patches: %.2f s\n", round, patches, s)
	p.N = patches
	if round > 0 {
		p.runs = append(p.runs, s)
	}
	return nil
}

// settle fills in the median and the limit of each point.
func settle(points []point, limit func(n int) float64) {
	for i := range points {
		p := &points[i]
		p.Value, p.Limit = median(p.runs), limit(p.N)
	}
}
