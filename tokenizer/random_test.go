package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRandomGoldens compares with the references on strings dense in corners; see
// _gen/random_goldens.py.
func TestRandomGoldens(t *testing.T) {
	type row struct {
		Text   string `json:"text"`
		IDs    []int  `json:"ids"`
		Plain  []int  `json:"plain"`
		Marks  []int  `json:"marks"`
		Han    []int  `json:"han"`
		Ranked []int  `json:"ranked"`
	}
	tok := full(t)
	ranked, err := ParseTiktoken(readTestdata(t, "qwen.tiktoken.gz"),
		TiktokenOptions{Split: SplitHan})
	require.NoError(t, err)
	lengths := func(s Split, text string) []int {
		next, list := s.splitter(), []int{}
		for i := 0; i < len(text); {
			end := next(characters(), text, i)
			list = append(list, end-i)
			i = end
		}
		return list
	}
	readLines(t, "random.jsonl.gz", func(n int, r row) {
		require.Equal(t, r.IDs, list(tok.EncodeSpecial(r.Text)), "line %d: %+q", n, r.Text)
		require.Equal(t, r.Plain, list(tok.Encode(r.Text)), "line %d: %+q", n, r.Text)
		require.Equal(t, r.Marks, lengths(SplitMarks, r.Text), "line %d: %+q", n, r.Text)
		require.Equal(t, r.Han, lengths(SplitHan, r.Text), "line %d: %+q", n, r.Text)
		require.Equal(t, r.Ranked, list(ranked.Encode(r.Text)), "line %d: %+q", n, r.Text)
	})
}

// mergeSlowly is the definition: find the lowest rank, leftmost, merge, start again.
func mergeSlowly(b *bpe, piece string) []int {
	var ids []uint32
	for i := range len(piece) {
		ids = append(ids, b.bytes[piece[i]])
	}
	for {
		best, at := uint32(noRank), -1
		for i := range len(ids) - 1 {
			if r := b.pairs.rank(ids[i], ids[i+1]); r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			break
		}
		ids = append(append(append([]uint32{}, ids[:at]...), b.merged[best]), ids[at+2:]...)
	}
	list := []int{}
	for _, id := range ids {
		list = append(list, int(id))
	}
	return list
}

func TestMergesEqualDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, tok := range map[string]*Tokenizer{"json": full(t), "ranks": fullRanks(t)} {
		b := tok.bpe
		b.whole = nil
		for _, alphabet := range []string{"a", " ", "ab", "etaoin shrd", "\xe4\xb8\xad\xe6\x96\x87",
			"\x00\xff0 \n"} {
			for n := range 130 {
				piece := make([]byte, n+1)
				for i := range piece {
					piece[i] = alphabet[random.IntN(len(alphabet))]
				}
				want := mergeSlowly(&b, string(piece))
				var scratch mergeScratch
				require.Equal(t, want, b.encode(nil, string(piece), &scratch), "%s: %q", name,
					piece)
				require.Equal(t, want, b.encodeLong(nil, string(piece), &scratch),
					"%s: %q with the heap", name, piece)
			}
		}
	}
}

// TestHostileTextIsLinear encodes texts that quadratic code chokes on at two sizes. Quadratic time
// would show as a factor of 16 between them; 10 leaves room for n log n and caches. A machine that
// is busy with other things only ever makes a time longer, so the shortest of several tries is
// judged, and a pair of times that looks bad is taken again.
func TestHostileTextIsLinear(t *testing.T) {
	const small, large, tries = 1 << 15, 1 << 17, 8
	shortest := func(tok *Tokenizer, text string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			tok.EncodeSpecial(text)
			best = min(best, time.Since(start))
		}
		return best
	}
	larger := hostileTexts(large)
	for name, text := range hostileTexts(small) {
		for kind, tok := range map[string]*Tokenizer{"json": full(t), "ranks": fullRanks(t),
			"han": tinyHan(t)} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var a, b time.Duration
				for range tries {
					a, b = shortest(tok, text), shortest(tok, larger[name])
					if b < 10*a+5*time.Millisecond {
						return
					}
				}
				t.Fatalf("%v for %d bytes, %v for %d", a, small, b, large)
			})
		}
	}
}

// TestLongMarkRuns checks that no character is put between marks, as package norm alone would do.
func TestLongMarkRuns(t *testing.T) {
	tok := full(t)
	for _, s := range []string{
		"\u00e1" + strings.Repeat("\u0301", 100),
		"q" + strings.Repeat("\u0334", 40) + strings.Repeat("\u0301", 40),
	} {
		got := tok.Decode(tok.Encode(s), false)
		require.NotContains(t, got, "\u034f")
		require.Equal(t, s, got)
	}
	require.Equal(t, "\u00e1"+strings.Repeat("\u0301", 99),
		tok.Decode(tok.Encode("a"+strings.Repeat("\u0301", 100)), false))
	require.Equal(t, "q"+strings.Repeat("\u0334", 40)+strings.Repeat("\u0301", 40),
		tok.Decode(tok.Encode("q"+strings.Repeat("\u0301", 40)+strings.Repeat("\u0334", 40)),
			false))
}
