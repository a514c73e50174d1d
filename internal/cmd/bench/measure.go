package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/hooks"
)

// result is the JSON object. Fields that were not timed are left out.
type result struct {
	LoadS        float64 `json:"load_s"`
	VisionS      float64 `json:"vision_s,omitempty"`
	VisionPatch  int     `json:"vision_patches,omitempty"`
	VisionTokens int     `json:"vision_tokens,omitempty"`
	PrefillTokS  float64 `json:"prefill_tok_s"`
	DecodeTokS   float64 `json:"decode_tok_s"`
	FirstTokenS  float64 `json:"first_token_s,omitempty"`

	RSSPeak     int64 `json:"rss_peak_bytes"`
	RSSPeakAnon int64 `json:"rss_peak_anonymous_bytes"`
	RSSPeakFile int64 `json:"rss_peak_file_bytes"`

	Format       string   `json:"format"`
	VisionFormat string   `json:"vision_format,omitempty"`
	Threads      int      `json:"threads"`
	Prompt       int      `json:"prompt_tokens"`
	Decode       int      `json:"decode_tokens"`
	Batch        int      `json:"batch"`
	Repeat       int      `json:"repeat"`
	CPU          string   `json:"cpu"`
	Features     []string `json:"features"`
	Commit       string   `json:"commit"`
}

// firstTokenText is how many text tokens go with the picture whose first token is timed.
const firstTokenText = 32

func measure(ctx context.Context, c config, log io.Writer) (*result, error) {
	memory := watchMemory()
	defer memory.stop()
	r := &result{
		Prompt: c.prompt, Decode: c.decode, Batch: c.batch, Repeat: c.repeat, CPU: cpuModel(), Features: cpu.Names(), Commit: commit(),
		Threads: c.threads,
	}
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	var err error
	if r.Format, r.VisionFormat, err = formats(c); err != nil {
		return nil, err
	}
	var loads, vision, prefill, decode, first []float64
	for i := range c.repeat + 1 {
		fmt.Fprintf(log, "bench: run %d of %d\n", i, c.repeat)
		start := time.Now()
		m, err := qwenvl.Load(c.model, options(c, r.Threads)...)
		if err != nil {
			return nil, err
		}
		load := time.Since(start).Seconds()
		b := bencher{ctx: ctx, model: m, c: c}
		t, err := b.round(r)
		m.Close()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			continue // pages of the weights were read in, caches were filled
		}
		loads, vision, prefill = append(loads, load), append(vision, t.vision), append(prefill, t.prefill)
		decode, first = append(decode, t.decode), append(first, t.first)
	}
	r.LoadS, r.VisionS, r.PrefillTokS, r.DecodeTokS, r.FirstTokenS = median(loads), median(vision), median(prefill), median(decode), median(first)
	memory.stop()
	r.RSSPeak, r.RSSPeakAnon, r.RSSPeakFile = memory.peaks()
	return r, nil
}

// options loads the model with the engine's own chunks. Several prompts are read in one, so that they start to decode together.
func options(c config, threads int) []qwenvl.Option {
	out := []qwenvl.Option{qwenvl.WithThreads(threads), qwenvl.WithMaxBatch(c.batch)}
	if c.batch > 1 {
		out = append(out, qwenvl.WithPrefillChunk(min(c.batch*c.prompt, 1<<16)))
	}
	return out
}

func median(x []float64) float64 {
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}

// bencher times one loaded model.
type bencher struct {
	ctx   context.Context
	model *qwenvl.Model
	c     config
}

// timings of one round: seconds, and tokens a second.
type timings struct{ vision, prefill, decode, first float64 }

func (b *bencher) round(r *result) (timings, error) {
	var t timings
	prompt, err := b.text(b.c.prompt)
	if err != nil {
		return t, err
	}
	if t.prefill, t.decode, err = b.generate(prompt); err != nil {
		return t, err
	}
	if b.c.width == 0 {
		return t, nil
	}
	short, err := b.text(firstTokenText)
	if err != nil {
		return t, err
	}
	patches := 0
	ctx := hooks.With(b.ctx, &hooks.Hooks{IgnoreEOS: true, Prompt: func(p hooks.Prompt) {
		for _, m := range p.Media {
			patches += m.Patches.N
		}
	}})
	resp, err := b.model.Generate(ctx, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Image(picture(b.c.width, b.c.height)), qwenvl.Text(short))},
		MinPixels: b.c.width * b.c.height, MaxPixels: b.c.width * b.c.height,
		MaxTokens: 1, Sampling: qwenvl.Greedy(),
	})
	if err != nil {
		return t, err
	}
	if r.VisionPatch, r.VisionTokens = patches, resp.Usage.VisionTokens; !exactGrid(b.model, b.c, patches) {
		return t, fmt.Errorf("a picture of %dx%d is not a whole number of merged patches: it became %d patches", b.c.width, b.c.height, patches)
	}
	t.vision, t.first = resp.Timings.Vision.Seconds(), resp.Timings.FirstToken.Seconds()
	return t, nil
}

// generate runs the batch and returns tokens a second of prefill, of the first sequence, and of decoding: of all tokens that came while every
// sequence was decoding.
func (b *bencher) generate(prompt string) (prefill, decode float64, err error) {
	times := make([][]time.Time, b.c.batch) // of tokens
	reading := make([]time.Duration, b.c.batch)
	errs := make([]error, b.c.batch)
	var wg sync.WaitGroup
	for i := range times {
		wg.Add(1)
		go func() {
			defer wg.Done()
			times[i], reading[i], errs[i] = b.stream(prompt)
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	begin, end := times[0][0], times[0][len(times[0])-1]
	for _, t := range times {
		if t[0].After(begin) {
			begin = t[0]
		}
		if last := t[len(t)-1]; last.Before(end) {
			end = last
		}
	}
	tokens := 0
	for _, t := range times {
		for _, at := range t {
			if at.After(begin) && !at.After(end) {
				tokens++
			}
		}
	}
	if tokens == 0 {
		return 0, 0, fmt.Errorf("no token came while all %d sequences were decoding: -decode is too small", b.c.batch)
	}
	return float64(b.c.prompt) / reading[0].Seconds(), float64(tokens) / end.Sub(begin).Seconds(), nil
}

// stream generates one sequence and returns when its tokens came, and how long its prompt took.
func (b *bencher) stream(prompt string) ([]time.Time, time.Duration, error) {
	var times []time.Time
	ctx := hooks.With(b.ctx, &hooks.Hooks{IgnoreEOS: true, Token: func() { times = append(times, time.Now()) }})
	resp, err := b.model.Generate(ctx, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Text(prompt))},
		MaxTokens: b.c.decode + 1, // the first token comes from the prompt's own pass
		Sampling:  qwenvl.Greedy(),
	})
	if err != nil {
		return nil, 0, err
	}
	if got := resp.Usage.PromptTokens; got != b.c.prompt {
		return nil, 0, fmt.Errorf("a prompt of %d tokens, want %d", got, b.c.prompt)
	}
	return times, resp.Timings.Prefill, nil
}
