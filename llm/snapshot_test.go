package llm_test

// Snapshots of recurrent states: going back and on gives the same bits.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/llm"
)

// A sequence goes back to where it was saved, in the middle of a block or at its end, and whatever
// came between, goes on with the same bits.
func TestSnapshots(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name, llm.CacheOptions{Context: 512})
			vocab := b.d.Config().VocabSize
			x, drafted := newText(b.d, 1, 200), newText(b.d, 2, 200)
			want := x.whole(t, b.d, 1, 200)
			seq := b.cache.NewSequence(200)
			empty, err := seq.Save()
			require.NoError(t, err)
			var saved []*llm.Snapshot
			for _, at := range []int{1, 63, 64, 100, 128, 150} {
				b.feed(seq, x, at, 64)
				s, err := seq.Save()
				require.NoError(t, err)
				saved = append(saved, s)
				b.feed(seq, drafted, at+7, 3)
				seq.Restore(s)
				require.Equal(t, at, seq.Len())
			}
			testkit.SameBits(t, want[150*vocab:], b.feed(seq, x, 200, 64))
			for i, at := range []int{150, 128, 100, 64, 63, 1} {
				seq.Restore(saved[5-i])
				testkit.SameBits(t, want[at*vocab:], b.feed(seq, x, 200, 64))
			}
			seq.Restore(empty)
			testkit.SameBits(t, want, b.feed(seq, x, 200, 200))
			empty.Free()
			require.Panics(t, func() { seq.Restore(empty) }, "it was freed")
			seq.Restore(saved[0])
			require.Panics(t, func() { seq.Restore(saved[1]) }, "the sequence is shorter")
			other := b.d.NewCache(512).NewSequence(1)
			require.Panics(t, func() { other.Restore(saved[0]) }, "another cache")
			for range 2 {
				for _, s := range saved {
					s.Free()
				}
				seq.Free()
			}
			require.Zero(t, used(b.cache))
		})
	}
}
