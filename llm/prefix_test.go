package llm_test

// Reuse of prefixes: blocks are found again by what they hold, and give the same bits as computing
// them anew.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/rope"
)

// bench is a decoder with a cache.
type bench struct {
	t     *testing.T
	d     *llm.Decoder
	ex    *tensor.Exec
	cache *llm.Cache
	batch llm.Batch
}

func newBench(t *testing.T, fixture string, o llm.CacheOptions) *bench {
	d := load(t, fixture)
	ex := tensor.NewExec(2)
	t.Cleanup(ex.Close)
	return &bench{t: t, d: d, ex: ex, cache: d.NewCacheWith(o)}
}

// blocks is the bytes of n blocks.
func blocks(d *llm.Decoder, n int) int64 { return int64(n * d.NewCache(0).BlockBytes()) }

// feed appends the text's tokens up to hi to a sequence, chunk by chunk, and returns their logits.
// At the end of each chunk the recurrent state is kept.
func (b *bench) feed(seq *llm.Sequence, x text, hi, chunk int) []float32 {
	var out []float32
	for seq.Len() < hi {
		b.batch.Reset()
		x.add(&b.batch, seq, seq.Len(), min(hi, seq.Len()+chunk))
		out = append(out, forward(b.t, b.d, b.ex, b.cache, &b.batch).Floats()...)
		seq.Keep()
	}
	return out
}

// contents describes a text as add feeds it.
func (x text) contents(media llm.Key) []llm.Content {
	out := make([]llm.Content, len(x.tokens))
	for i, id := range x.tokens {
		p := int32(i)
		out[i] = llm.Content{Index: id, Position: rope.Position{p, p + int32(i%3), p + int32(i%5)}}
		if row := i - x.splice.Row; row >= 0 && row < x.splice.Features.Rows {
			out[i].Media, out[i].Index = media, row
		}
	}
	return out
}

// A text that begins as another adopts its blocks, while the other lives and afterwards, and every
// logit is the bit that a fresh run gives. The other goes on undisturbed.
func TestAdoptedBlocksGiveTheSameBits(t *testing.T) {
	for _, name := range fixtures {
		for _, format := range []tensor.Format{tensor.F32, tensor.F16} {
			t.Run(name+"/"+format.String(), func(t *testing.T) {
				o := llm.CacheOptions{Context: 4096, Format: format}
				fresh := newBench(t, name, o)
				o.Bytes = 1 << 30
				b := newBench(t, name, o)
				vocab := b.d.Config().VocabSize
				x := newText(b.d, 1, 300)
				other := newText(b.d, 2, 300) // as x in the first 150 positions
				copy(other.tokens[:150], x.tokens)
				other.splice = x.splice
				media := llm.Key{1}
				want := fresh.feed(fresh.cache.NewSequence(300), x, 300, 300)
				wantOther := fresh.feed(fresh.cache.NewSequence(300), other, 300, 300)

				first := b.cache.NewSequence(300)
				require.Zero(t, first.Adopt(nil, x.contents(media)...))
				got := b.feed(first, x, 200, 64)
				branch := b.cache.NewSequence(300)
				require.Equal(t, 128, branch.Adopt(nil, other.contents(media)...))
				require.Equal(t, 128, branch.Len())
				testkit.SameBits(t, wantOther[128*vocab:], b.feed(branch, other, 300, 77))
				got = append(got, b.feed(first, x, 300, 50)...)
				testkit.SameBits(t, want, got)

				second := b.cache.NewSequence(300)
				at := second.Adopt(nil, x.contents(media)...)
				if b.cache.StateBytes() > 0 {
					require.Equal(t, 192, at, "the last place where a state was kept")
				} else {
					require.Equal(t, 256, at)
				}
				first.Free()
				testkit.SameBits(t, want[at*vocab:], b.feed(second, x, 300, 64))
				second.Free()
				branch.Free()
				third := b.cache.NewSequence(300)
				require.Equal(t, 256, third.Adopt(nil, x.contents(media)...),
					"of blocks without owner")
				testkit.SameBits(t, want[256*vocab:], b.feed(third, x, 300, 64))
				// The last position is computed in any case.
				whole := b.cache.NewSequence(256)
				require.Equal(t, 192, whole.Adopt(nil, x.contents(media)[:256]...))
			})
		}
	}
}

// Texts that differ in anything that their keys and values depend on share nothing behind it.
func TestWhatDoesNotShare(t *testing.T) {
	b := newBench(t, "qwen-vl-small", llm.CacheOptions{Context: 4096, Bytes: 1 << 30})
	x := newText(b.d, 1, 200)
	contents := func(change func([]llm.Content)) []llm.Content {
		c := x.contents(llm.Key{1})
		change(c)
		return c
	}
	same := func([]llm.Content) {}
	seq := b.cache.NewSequence(200)
	seq.Adopt([]byte("salt"), contents(same)...)
	b.feed(seq, x, 200, 200)
	for _, c := range []struct {
		name   string
		prompt int
		salt   string
		adopts int
		change func([]llm.Content)
	}{
		{"nothing", 200, "salt", 192, same},
		{"the salt", 200, "", 0, same},
		{"the salt's end", 200, "salt\x00", 0, same},
		{"the base of the rotation, by the prompt's length", 1 << 20, "salt", 0, same},
		{"a token of the second block", 200, "salt", 64, func(c []llm.Content) { c[127].Index++ }},
		{"a token behind full blocks", 200, "salt", 192, func(c []llm.Content) { c[192].Index++ }},
		{"an axis of a position", 200, "salt", 64, func(c []llm.Content) { c[70].Position[2]++ }},
		{"the medium", 200, "salt", 0, func(c []llm.Content) { c[3].Media[31]++ }},
		{"the row of the medium", 200, "salt", 0, func(c []llm.Content) { c[3].Index++ }},
		{"a token for features", 200, "salt", 0, func(c []llm.Content) { c[3].Media = llm.Key{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := b.cache.NewSequence(c.prompt)
			defer s.Free()
			require.Equal(t, c.adopts, s.Adopt([]byte(c.salt), contents(c.change)...))
		})
	}
	require.Zero(t, b.cache.NewSequence(0).Adopt(nil))
	require.Panics(t, func() { seq.Adopt(nil) })
}

// A sequence that goes back into a block that it shares writes a copy.
func TestSharedBlocksAreNotWritten(t *testing.T) {
	b := newBench(t, "qwen2_vl-tiny", llm.CacheOptions{Context: 512, Bytes: 1 << 30})
	vocab := b.d.Config().VocabSize
	x, other := newText(b.d, 1, 150), newText(b.d, 2, 150)
	copy(other.tokens[:100], x.tokens)
	other.splice = x.splice
	want, wantOther := x.whole(t, b.d, 1, 150), other.whole(t, b.d, 1, 150)
	first, second := b.cache.NewSequence(150), b.cache.NewSequence(150)
	first.Adopt(nil, x.contents(llm.Key{})...)
	b.feed(first, x, 140, 64)
	require.Equal(t, 128, second.Adopt(nil, x.contents(llm.Key{})...))
	second.Truncate(100)
	second.Describe(other.contents(llm.Key{})[100:]...)
	testkit.SameBits(t, wantOther[100*vocab:], b.feed(second, other, 150, 50))
	testkit.SameBits(t, want[140*vocab:], b.feed(first, x, 150, 50))
	// Its own blocks that others may find are not written either.
	first.Truncate(100)
	first.Describe(other.contents(llm.Key{})[100:]...)
	testkit.SameBits(t, wantOther[100*vocab:], b.feed(first, other, 150, 50))
	third := b.cache.NewSequence(150)
	require.Equal(t, 128, third.Adopt(nil, other.contents(llm.Key{})...))
	testkit.SameBits(t, wantOther[128*vocab:], b.feed(third, other, 150, 50))
	// What was copied is still what it was.
	fourth := b.cache.NewSequence(150)
	require.Equal(t, 128, fourth.Adopt(nil, x.contents(llm.Key{})...))
	testkit.SameBits(t, want[128*vocab:], b.feed(fourth, x, 150, 50))
	require.Equal(t, blocks(b.d, 3+4), used(b.cache), "three for all, and one each")
	for _, s := range []*llm.Sequence{first, second, third, fourth} {
		s.Free()
	}
	require.Equal(t, blocks(b.d, 3), used(b.cache))
}

// Of equal blocks that are computed side by side one stays. Without a budget it goes with its
// owners.
func TestEqualBlocksAreOne(t *testing.T) {
	b := newBench(t, "qwen2_vl-tiny", llm.CacheOptions{Context: 512})
	x := newText(b.d, 1, 150)
	seqs := []*llm.Sequence{b.cache.NewSequence(150), b.cache.NewSequence(150)}
	for _, s := range seqs {
		require.Zero(t, s.Adopt(nil, x.contents(llm.Key{})...))
	}
	want := x.whole(t, b.d, 1, 150)
	got := make([][]float32, 2)
	for hi := 25; hi <= 150; hi += 25 {
		for i, s := range seqs {
			got[i] = append(got[i], b.feed(s, x, hi, 64)...)
		}
	}
	for i := range seqs {
		testkit.SameBits(t, want, got[i])
	}
	require.Equal(t, blocks(b.d, 2+2), used(b.cache))
	seqs[0].Free()
	require.Equal(t, blocks(b.d, 2+1), used(b.cache))
	seqs[1].Free()
	require.Zero(t, used(b.cache))
	require.Zero(t, b.cache.NewSequence(150).Adopt(nil, x.contents(llm.Key{})...))
}

// used is the bytes that a cache has in use.
func used(c *llm.Cache) int64 {
	c.Trim()
	return c.UsedBytes()
}

// Generated tokens are described as they come.
func TestDescribeWhatIsGenerated(t *testing.T) {
	b := newBench(t, "qwen3_vl_moe-tiny", llm.CacheOptions{Context: 512, Bytes: 1 << 30})
	x := newText(b.d, 1, 130)
	all := x.contents(llm.Key{5})
	seq := b.cache.NewSequence(60)
	seq.Adopt(nil, all[:60]...)
	b.feed(seq, x, 60, 60)
	for i := 60; i < 130; i++ {
		if i%2 == 0 { // before a pass or behind it
			seq.Describe(all[i])
		}
		b.feed(seq, x, i+1, 1)
		if i%2 == 1 {
			seq.Describe(all[i])
		}
	}
	next := b.cache.NewSequence(130)
	require.Equal(t, 128, next.Adopt(nil, all...))
	want := x.whole(t, b.d, 1, 130)[128*b.d.Config().VocabSize:]
	testkit.SameBits(t, want, b.feed(next, x, 130, 2))
}

// A pass that is given up leaves nothing that others could find.
func TestStoppedPassesPublishNothing(t *testing.T) {
	b := newBench(t, "qwen2_vl-tiny", llm.CacheOptions{Context: 512, Bytes: 1 << 30})
	x := newText(b.d, 1, 150)
	seq := b.cache.NewSequence(150)
	seq.Adopt(nil, x.contents(llm.Key{})...)
	x.add(&b.batch, seq, 0, 150)
	b.ex.Stop()
	_, err := b.d.Forward(b.ex, b.cache, &b.batch)
	require.ErrorIs(t, err, tensor.ErrStopped)
	b.ex.Resume()
	seq.Free()
	next := b.cache.NewSequence(150)
	require.Zero(t, next.Adopt(nil, x.contents(llm.Key{})...))
	testkit.SameBits(t, x.whole(t, b.d, 1, 150), b.feed(next, x, 150, 64))
}
