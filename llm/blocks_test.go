package llm_test

// The budget of blocks: what is evicted, in which order, and what never is.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/llm"
)

// Within a budget blocks stay when their owners leave, until the least recently used make room: of
// one text the last blocks first.
func TestEvictionOrder(t *testing.T) {
	b := newBench(t, "qwen2_vl-tiny", llm.CacheOptions{Context: 512, Bytes: 0})
	b.cache = b.d.NewCacheWith(llm.CacheOptions{Context: 512, Bytes: blocks(b.d, 5)})
	texts := map[string]text{}
	for i, name := range []string{"a", "b", "c"} {
		texts[name] = newText(b.d, uint64(i), 129)
	}
	known := func(name string) int {
		s := b.cache.NewSequence(129)
		defer s.Free() // which makes it the most recently used
		return s.Adopt(nil, texts[name].contents(llm.Key{})...)
	}
	run := func(name string) {
		s := b.cache.NewSequence(129)
		s.Adopt(nil, texts[name].contents(llm.Key{})...)
		want := texts[name].whole(t, b.d, 1, 129)
		at := s.Len() * b.d.Config().VocabSize
		testkit.SameBits(t, want[at:], b.feed(s, texts[name], 129, 64))
		s.Free()
	}
	run("a")
	run("b") // a takes 2 of 5 blocks, b 3 for a time
	require.LessOrEqual(t, b.cache.UsedBytes(), blocks(b.d, 5))
	require.Equal(t, 128, known("a"))
	require.Equal(t, 128, known("b"))
	run("a") // b is older now
	run("c") // the free block and both of b
	require.Equal(t, 128, known("c"))
	require.Equal(t, 128, known("a"))
	require.Zero(t, known("b"))
	require.Equal(t, 128, known("c"))
	// A text of one block more than is free takes the last block of a, not the first.
	long := newText(b.d, 4, 100)
	s := b.cache.NewSequence(100)
	b.feed(s, long, 100, 100)
	require.Equal(t, 64, known("a"))
	require.Equal(t, 128, known("c"))
	s.Free()
	require.Equal(t, blocks(b.d, 5), b.cache.UsedBytes())
	require.Equal(t, blocks(b.d, 3), used(b.cache), "what is known stays")
}

// What has owners is never taken away: a sequence that finds no room fails and is as before, and
// goes on when another leaves.
func TestBudgetIsExhausted(t *testing.T) {
	b := newBench(t, "qwen2_vl-tiny", llm.CacheOptions{})
	b.cache = b.d.NewCacheWith(llm.CacheOptions{Context: 512, Bytes: blocks(b.d, 3)})
	x, y := newText(b.d, 1, 128), newText(b.d, 2, 128)
	first, second := b.cache.NewSequence(128), b.cache.NewSequence(128)
	first.Adopt(nil, x.contents(llm.Key{})...)
	b.feed(first, x, 128, 128)
	want := y.whole(t, b.d, 1, 128)
	vocab := b.d.Config().VocabSize
	testkit.SameBits(t, want[:64*vocab], b.feed(second, y, 64, 64))
	for range 3 {
		b.batch.Reset()
		y.add(&b.batch, second, 64, 128)
		_, err := b.d.Forward(b.ex, b.cache, &b.batch)
		require.ErrorIs(t, err, llm.ErrCacheFull)
		require.Equal(t, 64, second.Len())
		require.Equal(t, blocks(b.d, 3), b.cache.UsedBytes())
	}
	sharing := b.cache.NewSequence(128)
	require.Equal(t, 64, sharing.Adopt(nil, x.contents(llm.Key{})...), "shared blocks need no room")
	first.Free()
	testkit.SameBits(t, want[64*vocab:], b.feed(second, y, 128, 64))
	sharing.Free()
	second.Free()
	last := b.cache.NewSequence(128)
	require.Equal(t, 64, last.Adopt(nil, x.contents(llm.Key{})...), "the block that was owned")
}

// States of sequences and snapshots count, and make room for themselves.
func TestStatesAreCounted(t *testing.T) {
	b := newBench(t, "qwen3_5_moe-tiny", llm.CacheOptions{})
	state := int64(b.cache.StateBytes())
	require.NotZero(t, state)
	b.cache = b.d.NewCacheWith(llm.CacheOptions{Context: 512, Bytes: blocks(b.d, 2) + 3*state})
	x := newText(b.d, 1, 129)
	first := b.cache.NewSequence(129)
	first.Adopt(nil, x.contents(llm.Key{})...)
	b.feed(first, x, 128, 64) // and a state kept with each block
	require.Equal(t, blocks(b.d, 2)+3*state, b.cache.UsedBytes())
	_, err := first.Save()
	require.ErrorIs(t, err, llm.ErrCacheFull)
	second := b.cache.NewSequence(129)
	require.Zero(t, second.Adopt(nil, x.contents(llm.Key{})...), "no room for a state of its own")
	b.batch.Reset()
	x.add(&b.batch, second, 0, 10)
	_, err = b.d.Forward(b.ex, b.cache, &b.batch)
	require.ErrorIs(t, err, llm.ErrCacheFull)
	first.Free()
	require.Equal(t, blocks(b.d, 2)+2*state, b.cache.UsedBytes())
	third := b.cache.NewSequence(129)
	require.Equal(t, 128, third.Adopt(nil, x.contents(llm.Key{})...))
	third.Free()
	second.Free()
	// Another text of two blocks drives both out, and their states.
	y := newText(b.d, 2, 100)
	other := b.cache.NewSequence(100)
	testkit.SameBits(t, y.whole(t, b.d, 1, 100), b.feed(other, y, 100, 64))
	require.Equal(t, blocks(b.d, 2)+state, b.cache.UsedBytes())
	other.Free()
	require.Zero(t, used(b.cache))

	// A snapshot drives out a block that is kept.
	again := b.cache.NewSequence(129)
	again.Adopt(nil, x.contents(llm.Key{})...)
	b.feed(again, x, 128, 64)
	again.Free()
	b.feed(other, y, 1, 1)
	require.Equal(t, blocks(b.d, 2)+2*state, b.cache.UsedBytes(), "a block and its state went")
	for range 2 {
		_, err := other.Save()
		require.NoError(t, err)
	}
	require.Equal(t, blocks(b.d, 1)+3*state, b.cache.UsedBytes(), "the other one too")
}
