package sample

// The seam for output that follows a grammar. A constraint takes part in two places: before a
// choice its mask takes tokens out of the row (sampler.go says where among the other steps), and
// after it Accept tells it the token, whoever chose it. That the text is complete ends the answer:
// internal/engine, take. Where a constraint begins (after the reasoning) is its own business; the
// phases of internal/output are made for it.

import (
	"errors"
	"math"
)

// Constraint narrows what may be sampled, for output that follows a grammar.
type Constraint interface {
	// Mask clears the bits of tokens that may not come next. Bit i%64 of word i/64 is token i; all
	// start set.
	Mask(allowed []uint64)
	// Accept takes the chosen token and reports whether the text is complete.
	Accept(token int) (done bool)
}

// ErrNoneAllowed says that a constraint, or rules, leave no token with a finite logit.
var ErrNoneAllowed = errors.New("sample: no token is allowed")

// Constrain makes the sampler ask c before every choice from now on; nil takes the constraint
// away. Penalties are applied before the mask, temperature and what follows after it.
func (s *Sampler) Constrain(c Constraint) {
	s.constraint = c
	if c != nil && s.allowed == nil {
		s.allowed = make([]uint64, (len(s.scores)+63)/64)
	}
}

// mask takes the tokens out that the constraint does not allow.
func (s *Sampler) mask(scores []float32) {
	for i := range s.allowed {
		s.allowed[i] = ^uint64(0)
	}
	s.constraint.Mask(s.allowed)
	out := float32(math.Inf(-1))
	for w, bits := range s.allowed {
		if bits == ^uint64(0) {
			continue
		}
		row := scores[w*64 : min(w*64+64, len(scores))]
		for i := range row {
			if bits>>i&1 == 0 {
				row[i] = out
			}
		}
	}
}
