package sample

// Selecting the best of a vocabulary needs no sorting: the border between kept and dropped is
// found by partition, in linear time on average, and a pass in token order keeps what lies on its
// better side. So the order of the draw does not depend on how the border was found. sampler.go
// has the steps that use it.

// before is the order of preference: the larger logit, of equals the lower token.
func before(a, b candidate) bool {
	return a.logit > b.logit || a.logit == b.logit && a.token < b.token
}

// cut returns the candidate at which, counted from the best, the weights add up to need or more,
// and the weight up to and with it; the last one where they never do. It reorders c, which may not
// be empty.
func cut(c []candidate, need float64, weight func(candidate) float64) (candidate, float64) {
	reached := 0.0
	random := uint32(len(c)) // for pivots that no row of logits can foresee at a glance
	for len(c) > 1 {
		random = random*1664525 + 1013904223
		p := int(uint64(random) * uint64(len(c)) >> 32)
		c[0], c[p] = c[p], c[0]
		pivot, at, sum := c[0], 0, 0.0
		for i := 1; i < len(c); i++ {
			if before(c[i], pivot) {
				at++
				c[i], c[at] = c[at], c[i]
				sum += weight(c[at])
			}
		}
		c[0], c[at] = c[at], c[0]
		switch with := reached + sum + weight(pivot); {
		case at > 0 && reached+sum >= need: // the border is among the better ones
			c = c[:at]
		case with >= need || at == len(c)-1:
			return pivot, with
		default:
			reached = with
			c = c[at+1:]
		}
	}
	return c[0], reached + weight(c[0])
}

func one(candidate) float64           { return 1 }
func probability(c candidate) float64 { return c.prob }

// maxSorted is the TopK up to which one pass that keeps the best in order is faster than partition.
const maxSorted = 64

// kth returns the len(best)-th largest score; best is storage.
func kth(scores, best []float32) float32 {
	n, last := 0, len(best)-1
	for _, v := range scores {
		if n > last {
			if v <= best[last] {
				continue
			}
			n = last
		}
		i := n
		for ; i > 0 && best[i-1] < v; i-- {
			best[i] = best[i-1]
		}
		best[i] = v
		n++
	}
	return best[last]
}
