package sample

// Which tokens would repeat a run of n tokens. Asked anew for every token, so the runs are kept by
// the hash of all their tokens but the last, which is carried on from token to token: a token costs
// as many steps as there are different tokens to forbid after the n - 1 last ones. Hashes only
// find, tokens decide.

// ngrams is the runs of n tokens that were seen. A nil one has none.
type ngrams struct {
	n      int
	grams  []gram
	starts map[uint64]int32 // hash of all tokens but the last: the newest gram, counted from 1
	whole  map[uint64]int32 // hash of all tokens: a gram that has them
	hash   uint64           // of the n - 1 newest tokens
	oldest uint64           // what the oldest of them weighs in it
}

type gram struct {
	last   int   // where its last token stands in the history
	before int32 // the gram before it with the same hash
}

const hashBase = 0x9e3779b97f4a7c15

func newNGrams(n int) *ngrams {
	if n == 0 {
		return nil
	}
	g := &ngrams{n: n, starts: map[uint64]int32{}, whole: map[uint64]int32{}, oldest: 1}
	base := uint64(hashBase)
	for k := n - 1; k > 0; k >>= 1 { // hashBase to the n-1
		if k&1 == 1 {
			g.oldest *= base
		}
		base *= base
	}
	return g
}

// add takes the newest token of a history, and keeps the run that it ends unless keep is false.
func (g *ngrams) add(history []int, keep bool) {
	if g == nil {
		return
	}
	at := len(history) - 1
	weight := func(token int) uint64 { return uint64(token) + 1 }
	whole := g.hash*hashBase + weight(history[at])
	if keep && at+1 >= g.n && !g.known(history, whole) {
		g.grams = append(g.grams, gram{at, g.starts[g.hash]})
		g.starts[g.hash] = int32(len(g.grams))
		g.whole[whole] = int32(len(g.grams))
	}
	g.hash = whole
	if first := at - (g.n - 1); first >= 0 {
		g.hash -= g.oldest * weight(history[first])
	}
}

// known reports whether the run that ends a history was seen before.
func (g *ngrams) known(history []int, hash uint64) bool {
	i := g.whole[hash]
	return i > 0 && g.same(history, g.grams[i-1].last+1, len(history), g.n)
}

// each calls forbid with every token that was seen after the n - 1 newest tokens.
func (g *ngrams) each(history []int, forbid func(token int)) {
	if g == nil {
		return
	}
	for i := g.starts[g.hash]; i > 0; i = g.grams[i-1].before {
		if last := g.grams[i-1].last; g.same(history, last, len(history), g.n-1) {
			forbid(history[last])
		}
	}
}

// same reports whether the n tokens before a and before b are equal.
func (g *ngrams) same(history []int, a, b, n int) bool {
	for i := 1; i <= n; i++ {
		if history[a-i] != history[b-i] {
			return false
		}
	}
	return true
}
