package main

// Generated tokens against recorded ones, where near ties may fall either way.

import (
	"fmt"
	"math"
	"slices"

	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/sample"
)

// compareIDs compares generated tokens: they must be the recorded ones. Where the two best recorded
// scores of a step lie closer than twice the bound of logits, arithmetic within bounds may choose
// the other: after such a step the recorded tokens are followed instead, and each step's own choice
// must be the recorded token unless that step is as close.
func compareIDs(fx *golden.Fixture, c *golden.Case, o *outcome) error {
	want, _ := c.Stage("generated_ids")
	if !want.IsInt() || len(want.Shape) != 1 {
		return fmt.Errorf("recorded as shape %v, not as a list of integers", want.Shape)
	}
	if equalIDs(want.Ints, o.tokens) {
		return nil
	}
	at := firstDifference(want.Ints, o.tokens)
	problem := fmt.Errorf("step %d differs: %v, want %v", at, o.tokens, want.Ints)
	bound, ok := fx.Bound("generated_logits")
	logits, has := c.Stage("generated_logits")
	if !ok || !has || logits.IsInt() || len(logits.Shape) != 2 || logits.Shape[0] != len(want.Ints) {
		return problem
	}
	if o.forced == nil || o.forced.steps() == nil {
		return fmt.Errorf("%w; following the recorded tokens: %v", problem, o.forcedErr)
	}
	width := logits.Shape[1]
	own := o.forced.steps()
	if own.cols != width || own.n() != len(want.Ints) {
		return fmt.Errorf("%w; following the recorded tokens gives logits [%d, %d]", problem,
			own.n(), own.cols)
	}
	theirs := &rows{cols: width, data: logits.Floats}
	seen := slices.Clone(o.free.prompt.Tokens)
	sampler, err := sample.New(sample.Params{RepetitionPenalty: o.generation.RepetitionPenalty},
		width)
	if err != nil {
		return err
	}
	sampler.Observe(seen)
	for step, id := range want.Ints {
		scores := penalized(theirs.slice(step, step+1).data, seen, o.generation.RepetitionPenalty)
		close := gap(scores) < 2*bound
		if step == at && !close {
			return fmt.Errorf("%w; the best scores there are %.3g apart", problem, gap(scores))
		}
		pick, err := sampler.Sample(own.slice(step, step+1).data)
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		if pick != int(id) && !close {
			return fmt.Errorf("step %d, after the recorded tokens, chooses %d, want %d; the best scores there are %.3g apart", step, pick, id, gap(scores))
		}
		sampler.Accept(int(id))
		seen = append(seen, int(id))
	}
	if at >= len(want.Ints) {
		return fmt.Errorf("%d tokens more than recorded: %v, want %v", len(o.tokens)-at, o.tokens,
			want.Ints)
	}
	return nil
}

func firstDifference(want []int64, got []int) int {
	for i := range min(len(want), len(got)) {
		if want[i] != int64(got[i]) {
			return i
		}
	}
	return min(len(want), len(got))
}

// penalized returns scores after the repetition penalty over the tokens seen.
func penalized(logits []float32, seen []int, penalty float64) []float64 {
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = float64(v)
	}
	if penalty == 0 || penalty == 1 {
		return out
	}
	done := map[int]bool{}
	for _, id := range seen {
		if done[id] || id < 0 || id >= len(out) {
			continue
		}
		done[id] = true
		if out[id] < 0 {
			out[id] *= penalty
		} else {
			out[id] /= penalty
		}
	}
	return out
}

// gap returns the distance between the two best scores.
func gap(scores []float64) float64 {
	best, second := math.Inf(-1), math.Inf(-1)
	for _, v := range scores {
		if v > best {
			best, second = v, best
		} else if v > second {
			second = v
		}
	}
	return best - second
}
