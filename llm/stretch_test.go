package llm_test

// A rotation that depends on how long the text is: every row turns as the reference's, which has
// seen the prompt at once and then a token at a time, however rows come here; and texts share only
// blocks that turn alike.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// stretched is a decoder whose rotation grows past a length.
func stretched(t *testing.T, fixture string, length int) *llm.Decoder {
	return loadWith(t, fixture, tensor.F32, func(c *llm.Config) {
		c.Rope.Scaling = &rope.Scaling{Kind: rope.Dynamic, Factor: 4, Original: length}
	})
}

// generate computes a text of which the first n rows are a prompt, in chunks, and the rest comes in
// steps of so many rows, as drafts do.
func (b *bench) generate(x text, n, chunk, step int) []float32 {
	seq := b.cache.NewSequence(reach(x, n))
	out := b.feed(seq, x, n, chunk)
	return append(out, b.feed(seq, x, len(x.tokens), step)...)
}

// reach is the positions of a prompt of n rows, as add has them.
func reach(x text, n int) int {
	most := 0
	for _, c := range x.contents(llm.Key{})[:n] {
		most = max(most, int(c.Position[0]), int(c.Position[1]), int(c.Position[2]))
	}
	return most + 1
}

func TestGrowingRotation(t *testing.T) {
	for _, name := range []string{"qwen2_5_vl-tiny", "kimi-vl-tiny", "qwen3_5_moe-tiny"} {
		t.Run(name, func(t *testing.T) {
			d := stretched(t, name, 60)
			run := func(threads, n, chunk, step int) []float32 {
				ex := tensor.NewExec(threads)
				defer ex.Close()
				b := &bench{t: t, d: d, ex: ex, cache: d.NewCache(4096)}
				return b.generate(newText(d, 1, 100), n, chunk, step)
			}
			for _, n := range []int{40, 70} { // over the length while it generates, and before
				want := run(2, n, n, 1)
				testkit.SameBits(t, want, run(1, n, 7, 1))
				testkit.SameBits(t, want, run(2, n, 33, 5))
			}
			// Rows of a prompt of 70 turn more slowly than the same ones that were generated.
			at := 65 * d.Config().VocabSize
			require.NotEqual(t, run(2, 40, 40, 1)[at:], run(2, 70, 70, 1)[at:])
		})
	}
}

func TestGrowingRotationShares(t *testing.T) {
	d := stretched(t, "qwen2_vl-tiny", 100)
	ex := tensor.NewExec(2)
	defer ex.Close()
	o := llm.CacheOptions{Context: 4096, Bytes: 1 << 30}
	x := newText(d, 1, 300)
	all := x.contents(llm.Key{1})
	for _, c := range []struct {
		name           string
		prompts        [2]int // of the text that is there, and of that which begins as it does
		shared, adopts int
	}{
		{"both short", [2]int{80, 90}, 90, 64},
		{"what was generated past the length", [2]int{80, 90}, 300, 256},
		{"the other's prompt is past it", [2]int{80, 200}, 300, 0},
		{"both past it", [2]int{150, 200}, 300, 0},
		{"of one length", [2]int{150, 150}, 300, 256},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, d: d, ex: ex, cache: d.NewCacheWith(o)}
			first := b.cache.NewSequence(c.prompts[0])
			first.Adopt(nil, all...)
			b.feed(first, x, 300, 50)
			second := b.cache.NewSequence(c.prompts[1])
			require.Equal(t, c.adopts, second.Adopt(nil, all[:c.shared]...))
			if c.shared < 300 {
				second.Describe(all[c.shared:]...)
			}
			got := b.feed(second, x, 300, 300)
			alone := &bench{t: t, d: d, ex: ex, cache: d.NewCacheWith(o)}
			want := alone.feed(alone.cache.NewSequence(c.prompts[1]), x, 300, 300)
			testkit.SameBits(t, want[c.adopts*d.Config().VocabSize:], got)
		})
	}
}
