package sample

// Biases of sequences of tokens: of the last one, right after the others. They are found by the
// token before the last, so that a list of thousands costs what fits the newest token.

import (
	"encoding/binary"
	"slices"
)

// sequences is biases in the order in which the reference adds them up. A nil one has none.
type sequences struct {
	single []sequence         // of one token
	longer map[int][]sequence // by the token before the last
	due    []sequence         // those that fit
	sum    []float32          // by token: zero between calls
}

type sequence struct {
	before []int
	last   int
	bias   float32
}

// newSequences keeps the last bias of equal sequences. Empty ones say nothing.
//
// Source: transformers, SequenceBiasLogitsProcessor: longer ones are added up by length, the length
// that came first before the others.
func newSequences(biases []Bias, vocab int) *sequences {
	var key []byte // of tokens
	at := map[string]int{}
	var all []sequence
	lengths := []int{}
	for _, b := range biases {
		if len(b.Tokens) == 0 {
			continue
		}
		key = key[:0]
		for _, t := range b.Tokens {
			key = binary.AppendVarint(key, int64(t))
		}
		if i, ok := at[string(key)]; ok {
			all[i].bias = float32(b.Bias)
			continue
		}
		at[string(key)] = len(all)
		n := len(b.Tokens) - 1
		all = append(all, sequence{b.Tokens[:n:n], b.Tokens[n], float32(b.Bias)})
		if n > 0 && !slices.Contains(lengths, n) {
			lengths = append(lengths, n)
		}
	}
	if len(all) == 0 {
		return nil
	}
	s := &sequences{longer: map[int][]sequence{}, sum: make([]float32, vocab)}
	rank := make(map[int]int, len(lengths))
	for i, n := range lengths {
		rank[n] = i
	}
	slices.SortStableFunc(all, func(a, b sequence) int {
		return rank[len(a.before)] - rank[len(b.before)]
	})
	for _, x := range all {
		if n := len(x.before); n == 0 {
			s.single = append(s.single, x)
		} else {
			tail := x.before[n-1]
			s.longer[tail] = append(s.longer[tail], x)
		}
	}
	s.due = make([]sequence, 0, len(all))
	return s
}

// add adds to the scores what fits after a history.
func (s *sequences) add(scores []float32, history []int) {
	if s == nil {
		return
	}
	s.due = append(s.due[:0], s.single...)
	if len(history) > 0 {
		for _, x := range s.longer[history[len(history)-1]] {
			n := len(x.before)
			if n <= len(history) && slices.Equal(x.before, history[len(history)-n:]) {
				s.due = append(s.due, x)
			}
		}
	}
	for _, x := range s.due {
		s.sum[x.last] += x.bias
	}
	for _, x := range s.due {
		if s.sum[x.last] != 0 {
			scores[x.last] += s.sum[x.last]
			s.sum[x.last] = 0
		}
	}
}
