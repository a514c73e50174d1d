package llm_test

// The decoder of every kind of layer: bits that depend on nothing but a row's own sequence,
// whatever the chunks, threads, batches and formats, and what misuse and cancellation do.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// Decoders of every kind of layer, from the families' small checkpoints.
var fixtures = []string{"qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen-vl-small", "kimi-vl-tiny",
	"qwen3_vl_moe-tiny", "qwen3_5_moe-tiny"}

func load(t testing.TB, fixture string) *llm.Decoder { return loadAs(t, fixture, tensor.F32) }

// loadAs loads a decoder with its matrices in a format.
func loadAs(t testing.TB, fixture string, format tensor.Format) *llm.Decoder {
	return loadWith(t, fixture, format, func(*llm.Config) {})
}

// loadWith loads a decoder whose configuration is changed first.
func loadWith(t testing.TB, fixture string, format tensor.Format,
	change func(*llm.Config)) *llm.Decoder {
	t.Helper()
	dir := filepath.Join("../testdata", fixture)
	from, err := checkpoint.Open(dir)
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	_, names := spec.Find(from, src)
	ld := weights.NewLoader(src, names)
	ld.Ignore("*")
	change(&spec.LLM)
	d, err := llm.New(spec.LLM, ld.As(format))
	require.NoError(t, err)
	require.NoError(t, ld.Finish())
	ex := tensor.NewExec(2)
	defer ex.Close()
	require.NoError(t, src.Pack(ex, ld.Pending()))
	return d
}

// text is a sequence of random tokens, with rows that stand for a picture.
type text struct {
	tokens []int
	splice llm.Splice // Row is the place in the text
}

func newText(d *llm.Decoder, seed uint64, n int) text {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := text{tokens: make([]int, n)}
	for i := range x.tokens {
		x.tokens[i] = rng.IntN(d.Config().VocabSize)
	}
	if n > 8 {
		rows := func() tensor.Tensor {
			v := tensor.New(min(n/2, 40), d.Config().HiddenSize)
			for i := range v.Floats() {
				v.Floats()[i] = float32(rng.NormFloat64())
			}
			return v
		}
		x.splice = llm.Splice{Row: 3, Features: rows(), Deep: []tensor.Tensor{rows(), rows()}}
	}
	return x
}

// add puts tokens lo..hi-1 of the text into a batch, all with logits.
func (x text) add(b *llm.Batch, seq *llm.Sequence, lo, hi int) {
	b.Begin(seq)
	row := b.Rows()
	for i := lo; i < hi; i++ {
		p := int32(i)
		b.Add(x.tokens[i], rope.Position{p, p + int32(i%3), p + int32(i%5)}, true)
	}
	s := x.splice
	from, to := max(lo, s.Row), min(hi, s.Row+s.Features.Rows)
	if from >= to {
		return
	}
	cut := llm.Splice{Row: row + from - lo, Features: s.Features.Slice(from-s.Row, to-s.Row)}
	for _, d := range s.Deep {
		cut.Deep = append(cut.Deep, d.Slice(from-s.Row, to-s.Row))
	}
	b.Splice(cut)
}

// forward runs a batch and returns a copy of its logits.
func forward(t *testing.T, d *llm.Decoder, ex *tensor.Exec, cache *llm.Cache, b *llm.Batch) tensor.Tensor {
	t.Helper()
	mark := ex.Mark()
	defer ex.Release(mark)
	logits, err := d.Forward(ex, cache, b)
	require.NoError(t, err)
	out := tensor.New(logits.Rows, logits.Cols)
	copy(out.Floats(), logits.Floats())
	return out
}

// whole computes a text's logits in pieces of chunk tokens.
func (x text) whole(t *testing.T, d *llm.Decoder, threads, chunk int) []float32 {
	t.Helper()
	ex := tensor.NewExec(threads)
	defer ex.Close()
	cache := d.NewCache(4096)
	seq := cache.NewSequence(len(x.tokens))
	var b llm.Batch
	var out []float32
	for lo := 0; lo < len(x.tokens); lo += chunk {
		b.Reset()
		x.add(&b, seq, lo, min(lo+chunk, len(x.tokens)))
		out = append(out, forward(t, d, ex, cache, &b).Floats()...)
	}
	require.Equal(t, len(x.tokens), seq.Len())
	return out
}

// A row's logits are the same bits whatever the chunks and threads, and whatever else is in the
// batch.
func TestRowsDoNotDependOnTheirNeighbors(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			d := load(t, name)
			texts := []text{newText(d, 1, 150), newText(d, 2, 70), newText(d, 3, 5),
				newText(d, 4, 331)}
			want := make([][]float32, len(texts))
			for i, x := range texts {
				want[i] = x.whole(t, d, 2, len(x.tokens))
				for _, v := range want[i] {
					require.False(t, v != v, "NaN")
				}
			}
			for _, o := range [][2]int{{1, 1}, {2, 1}, {2, 7}, {1, 64}, {3, 150}} {
				testkit.SameBits(t, want[0], texts[0].whole(t, d, o[0], o[1]))
			}

			// Side by side, each cut in its own places.
			ex := tensor.NewExec(2)
			defer ex.Close()
			cache := d.NewCache(4096)
			got := make([][]float32, len(texts))
			seqs := make([]*llm.Sequence, len(texts))
			for i, x := range texts {
				seqs[i] = cache.NewSequence(len(x.tokens))
			}
			rng := rand.New(rand.NewPCG(9, 9))
			var b llm.Batch
			for {
				b.Reset()
				var order, counts []int
				for _, i := range rng.Perm(len(texts)) {
					left := len(texts[i].tokens) - seqs[i].Len()
					n := min(1+rng.IntN(60), left)
					if n == 0 || rng.IntN(4) == 0 {
						continue
					}
					texts[i].add(&b, seqs[i], seqs[i].Len(), seqs[i].Len()+n)
					order, counts = append(order, i), append(counts, n)
				}
				if b.Rows() > 0 {
					logits, at := forward(t, d, ex, cache, &b), 0
					for k, i := range order {
						got[i] = append(got[i], logits.Slice(at, at+counts[k]).Floats()...)
						at += counts[k]
					}
				}
				done := true
				for i, x := range texts {
					done = done && seqs[i].Len() == len(x.tokens)
				}
				if done {
					break
				}
			}
			for i := range texts {
				testkit.SameBits(t, want[i], got[i])
			}
		})
	}
}

// Freed blocks and state serve the next sequence as fresh ones would.
func TestFreedBlocksAreReused(t *testing.T) {
	for _, name := range fixtures {
		d := load(t, name)
		ex := tensor.NewExec(1)
		defer ex.Close()
		cache := d.NewCache(512)
		var b llm.Batch
		x, other := newText(d, 1, 100), newText(d, 2, 200)
		want := x.whole(t, d, 1, 100)
		for range 3 {
			for _, y := range []text{other, x} {
				b.Reset()
				seq := cache.NewSequence(len(y.tokens))
				y.add(&b, seq, 0, len(y.tokens))
				got := forward(t, d, ex, cache, &b)
				if len(y.tokens) == len(x.tokens) {
					testkit.SameBits(t, want, got.Floats())
				}
				seq.Free()
				require.Zero(t, seq.Len())
			}
		}
	}
}

// What is generated after a truncation is what a fresh sequence gives.
func TestTruncate(t *testing.T) {
	d := load(t, "qwen2_vl-tiny")
	ex := tensor.NewExec(2)
	defer ex.Close()
	cache := d.NewCache(512)
	x := newText(d, 1, 150)
	want := x.whole(t, d, 1, 150)
	seq := cache.NewSequence(150)
	var b llm.Batch
	x.add(&b, seq, 0, 150)
	forward(t, d, ex, cache, &b)
	for _, n := range []int{149, 64, 63, 20, 0} {
		seq.Truncate(n)
		b.Reset()
		x.add(&b, seq, n, 150)
		got := forward(t, d, ex, cache, &b)
		testkit.SameBits(t, want[n*d.Config().VocabSize:], got.Floats())
	}
	require.Panics(t, func() { seq.Truncate(151) })
	require.Panics(t, func() { seq.Truncate(-1) })
}

func TestContextIsBounded(t *testing.T) {
	d := load(t, "qwen2_vl-tiny")
	ex := tensor.NewExec(1)
	defer ex.Close()
	cache := d.NewCache(70)
	seq := cache.NewSequence(0)
	x := newText(d, 1, 71)
	var b llm.Batch
	x.add(&b, seq, 0, 71)
	_, err := d.Forward(ex, cache, &b)
	require.ErrorIs(t, err, llm.ErrContextFull)
	require.Zero(t, seq.Len())
	b.Reset()
	x.add(&b, seq, 0, 70)
	forward(t, d, ex, cache, &b)
	require.Equal(t, 70, seq.Len())
}

func TestStop(t *testing.T) {
	d := load(t, "qwen2_vl-tiny")
	ex := tensor.NewExec(2)
	defer ex.Close()
	cache := d.NewCache(512)
	seq := cache.NewSequence(0)
	var b llm.Batch
	newText(d, 1, 100).add(&b, seq, 0, 100)
	ex.Stop()
	_, err := d.Forward(ex, cache, &b)
	require.ErrorIs(t, err, tensor.ErrStopped)
	require.Zero(t, seq.Len())
	ex.Resume()
	seq.Free()
}

// A decode step, forward and sample, allocates nothing.
func TestDecodeAllocatesNothing(t *testing.T) {
	for i := range 3 * len(fixtures) {
		name, format := fixtures[i/3], []tensor.Format{tensor.F32, tensor.Int8, tensor.Int4}[i%3]
		t.Run(fmt.Sprintf("%s/%v", name, format), func(t *testing.T) {
			d := loadAs(t, name, format)
			ex := tensor.NewExec(2)
			defer ex.Close()
			kv := []tensor.Format{tensor.F32, tensor.F16, tensor.F16}[i%3]
			cache := d.NewCacheWith(llm.CacheOptions{Context: 4096, Format: kv})
			seq := cache.NewSequence(0)
			s, err := sample.New(sample.Params{Temperature: 0.8, TopK: 20, TopP: 0.9,
				RepetitionPenalty: 1.1}, d.Config().VocabSize)
			require.NoError(t, err)
			var b llm.Batch
			token := 1
			step := func() {
				b.Reset()
				b.Begin(seq)
				p := int32(seq.Len())
				b.Add(token, rope.Position{p, p, p}, true)
				mark := ex.Mark()
				logits, err := d.Forward(ex, cache, &b)
				if err != nil {
					t.Fatal(err)
				}
				if token, err = s.Sample(logits.Row(0)); err != nil {
					t.Fatal(err)
				}
				s.Accept(token)
				ex.Release(mark)
			}
			for range 2 { // grow everything; a new block every 64 tokens is the cache growing, not the step
				step()
			}
			require.Zero(t, testing.AllocsPerRun(40, step))
		})
	}
}

func TestConfigBounds(t *testing.T) {
	good := load(t, "qwen2_vl-tiny").Config()
	require.NoError(t, good.Validate())
	for name, change := range map[string]func(c *llm.Config){
		"no width":        func(c *llm.Config) { c.HiddenSize = 0 },
		"negative width":  func(c *llm.Config) { c.HiddenSize = -1 },
		"huge vocabulary": func(c *llm.Config) { c.VocabSize = math.MaxInt32 },
		"no layers":       func(c *llm.Config) { c.Layers = nil },
		"no context":      func(c *llm.Config) { c.MaxContext = 0 },
		"no epsilon":      func(c *llm.Config) { c.Eps = 0 },
		"no mixer":        func(c *llm.Config) { c.Layers = []llm.Layer{{Eps: 1e-6, Dense: c.Layers[0].Dense}} },
		"two mixers": func(c *llm.Config) {
			c.Layers[0].Delta = &llm.Delta{KeyHeads: 1, ValueHeads: 1, KeyDim: 1, ValueDim: 1,
				Kernel: 1}
		},
		"no feed-forward": func(c *llm.Config) { c.Layers = []llm.Layer{{Eps: 1e-6, GQA: c.Layers[0].GQA}} },
		"uneven heads":    func(c *llm.Config) { g := *c.Layers[0].GQA; g.NumKVHeads = 3; c.Layers[0].GQA = &g },
		"rotary too wide": func(c *llm.Config) { c.Rope.Dim = 64; c.Rope.Section = []int{10, 11, 11} },
		"more experts used": func(c *llm.Config) {
			c.Layers[0].Dense = nil
			c.Layers[0].MoE = &llm.MoE{NumExperts: 2, TopK: 3, IntermediateSize: 4, Scale: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			c.Layers = append([]llm.Layer{}, good.Layers...)
			change(&c)
			require.Error(t, c.Validate())
			_, err := llm.New(c, nil)
			require.Error(t, err)
		})
	}
}
