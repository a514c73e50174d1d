package main

// The timings of the contract and the JSON object that they make.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

	besides
}

// firstTokenText is how many text tokens go with the picture whose first token is timed: template
// included, and more where it alone has more.
const firstTokenText = 32

func measure(ctx context.Context, c config, log io.Writer) (*result, error) {
	memory := watchMemory(os.Getpid())
	defer memory.stop()
	r := &result{
		Prompt: c.prompt, Decode: c.decode, Batch: c.batch, Repeat: c.repeat, CPU: cpuModel(), Features: cpu.Names(), Commit: commit(),
		Threads: c.threads,
	}
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	side, err := newSideBySide(ctx, c, r.Threads, log)
	if err != nil {
		return nil, err
	}
	defer side.close()
	var loads, vision, prefill, decode, first []float64
	for i := range c.repeat + 1 {
		fmt.Fprintf(log, "bench: run %d of %d\n", i, c.repeat)
		start := time.Now()
		m, err := c.load(r.Threads)
		if err != nil {
			return nil, err
		}
		load := time.Since(start).Seconds()
		info := m.Info()
		r.Format, r.VisionFormat = string(info.WeightFormat), string(info.VisionFormat)
		b := bencher{ctx: ctx, model: m, c: c}
		t, err := b.round(r)
		if err == nil {
			err = side.own(&b, t, r.VisionTokens)
		}
		m.Close()
		if err == nil {
			err = side.others(i, memory)
		}
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
	return r, side.report(r)
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
	short, _, err := b.short()
	if err != nil {
		return t, err
	}
	if err := b.packTower(); err != nil {
		return t, err
	}
	resp, patches, err := b.see(picture(b.c.width, b.c.height), short, 1)
	if err != nil {
		return t, err
	}
	r.VisionPatch, r.VisionTokens = patches, resp.Usage.VisionTokens
	t.vision, t.first = resp.Timings.Vision.Seconds(), resp.Timings.FirstToken.Seconds()
	return t, nil
}

// packTower lets the model pack the weights of its tower, which the first picture does.
func (b *bencher) packTower() error {
	side := b.model.Info().PatchSize * b.model.Info().MergeSize
	_, err := b.model.Generate(b.ctx, qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(qwenvl.Image(picture(side, side)))}, MinPixels: side * side, MaxPixels: side * side,
		MaxTokens: 1, Sampling: qwenvl.Greedy(),
	})
	return err
}

// load loads the model.
func (c config) load(threads int) (*qwenvl.Model, error) {
	return qwenvl.Load(c.model, append(slices.Clone(c.formats), qwenvl.WithThreads(threads), qwenvl.WithMaxBatch(c.batch))...)
}

// generate returns tokens a second of prefill, of one sequence alone, and of decoding, of all
// sequences of the batch together.
func (b *bencher) generate(prompt string) (prefill, decode float64, err error) {
	w := newWindow(b.c.batch, b.c.decode)
	if b.c.batch == 1 {
		// The first token comes from the prompt's own pass.
		resp, err := b.stream(b.ctx, prompt, b.c.decode+1, func() { w.token(0, time.Now()) })
		if err != nil {
			return 0, 0, err
		}
		return float64(b.c.prompt) / resp.Timings.Prefill.Seconds(), w.rate(), nil
	}
	resp, err := b.stream(b.ctx, prompt, 1, func() {})
	if err != nil {
		return 0, 0, err
	}
	if err := b.together(prompt, w); err != nil {
		return 0, 0, err
	}
	return float64(b.c.prompt) / resp.Timings.Prefill.Seconds(), w.rate(), nil
}

// together runs the batch until its window is over: no sequence ends before the last one has
// decoded its share.
func (b *bencher) together(prompt string, w *window) error {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	errs := make([]error, b.c.batch)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, errs[i] = b.stream(ctx, prompt, 0, func() {
				if w.token(i, time.Now()) {
					cancel()
				}
			})
			if errs[i] != nil {
				cancel() // the others would go on to the end of the context
			}
		}()
	}
	wg.Wait()
	switch {
	case w.over():
		return nil // all ended by cancel
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return fmt.Errorf("the context ended before all %d sequences had decoded %d tokens side by side", b.c.batch, b.c.decode)
}

// stream generates one sequence, of at most n tokens unless n is 0, and calls token for each.
func (b *bencher) stream(ctx context.Context, prompt string, n int, token func()) (*qwenvl.Response, error) {
	resp, err := b.model.Generate(hooks.With(ctx, &hooks.Hooks{IgnoreEOS: true, Token: token}), qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Text(prompt))},
		MaxTokens: n,
		Sampling:  qwenvl.Greedy(),
	})
	if err != nil {
		return nil, err
	}
	if got := resp.Usage.PromptTokens; got != b.c.prompt {
		return nil, fmt.Errorf("a prompt of %d tokens, want %d", got, b.c.prompt)
	}
	return resp, nil
}
