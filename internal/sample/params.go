// Package sample chooses the next token from a row of logits.
//
// Everything is a function of the logits, the parameters, the tokens seen so far and the seed. The
// order of the steps is: biases, penalties, what is forbidden or forced, the constraint's mask,
// temperature, top-h, top-k, top-p, min-p, typical-p, the cutoffs, draw. They mean what they mean
// in transformers, and come in its order; tests do the same as it is written there, and compare
// with rows that it made.
//
// params.go has the numbers, rules.go what is said of certain tokens, sampler.go the steps; warp.go
// and cutoffs.go narrow what is drawn from, ngrams.go and sequences.go look back at the tokens
// before; select.go selects the best; constraint.go is the seam for grammars. What becomes of a
// chosen token is the engine's.
package sample

import (
	"errors"
	"fmt"
	"math"
)

// Params says how tokens are chosen. The zero value takes the best token always.
type Params struct {
	Temperature       float64 // divides the logits; 0: greedy
	TopK              int     // keep the best TopK tokens, and those that tie with the last; 0: all
	TopP              float64 // keep the fewest best that reach this probability; 0 or 1: all
	MinP              float64 // drop tokens less probable than MinP times the best; 0: none
	RepetitionPenalty float64 // divides positive logits of seen tokens, else multiplies; 0 or 1: off
	PresencePenalty   float64 // subtracted from the logits of generated tokens
	FrequencyPenalty  float64 // subtracted for each time that a token was generated
	Seed              uint64

	TopH          float64 // keep the best within this share of their entropy; 0: all
	TypicalP      float64 // keep the most typical that reach this probability; 0 or 1: all
	EpsilonCutoff float64 // drop tokens less probable than this; 0: none
	EtaCutoff     float64 // the same, less where the entropy is high; 0: none
	NoRepeatNGram int     // no run of so many tokens comes twice, prompt included; 0: off
	MinTokens     int     // no end token before so many tokens of the answer; 0: off
	Rules         *Rules  // nil: none
}

// ErrParams is wrapped by every error of Validate.
var ErrParams = errors.New("sample: invalid parameter")

// ErrBadLogits says that a row has a NaN or +Inf, or nothing finite.
var ErrBadLogits = errors.New("sample: logits are not finite")

// Validate checks every field's range.
//
// Errors: wraps [ErrParams].
func (p Params) Validate() error {
	return inRange([]bounded{
		{"temperature", p.Temperature, 0, 1e4},
		{"top-k", float64(p.TopK), 0, math.MaxInt32},
		{"top-p", p.TopP, 0, 1},
		{"min-p", p.MinP, 0, 1},
		{"repetition penalty", p.RepetitionPenalty, 0, 1e4},
		{"presence penalty", p.PresencePenalty, -1e4, 1e4},
		{"frequency penalty", p.FrequencyPenalty, -1e4, 1e4},
		{"top-h", p.TopH, 0, 1},
		{"typical-p", p.TypicalP, 0, 1},
		{"epsilon cutoff", p.EpsilonCutoff, 0, 1},
		{"eta cutoff", p.EtaCutoff, 0, 1},
		{"no-repeat n-gram", float64(p.NoRepeatNGram), 0, math.MaxInt32},
		{"least tokens", float64(p.MinTokens), 0, math.MaxInt32},
	})
}

// bounded is a value and its range.
type bounded struct {
	name        string
	v, min, max float64
}

// inRange refuses the first value that is outside.
func inRange(values []bounded) error {
	for _, b := range values {
		if !(b.v >= b.min && b.v <= b.max) {
			return fmt.Errorf("%w: %s %v is not in %v…%v", ErrParams, b.name, b.v, b.min, b.max)
		}
	}
	return nil
}
