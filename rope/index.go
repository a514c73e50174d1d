package rope

// Positions of a prompt's tokens: text counts up, media take a block on three axes. Which token is
// what is the prompt's business; here are only places and sizes. table.go turns positions into
// angles.

import (
	"errors"
	"fmt"
	"math"
)

// Media is a picture or a video in a prompt: a run of placeholder tokens, one for each merged
// patch.
type Media struct {
	Start int  // index of its first token
	Grid  Grid // size in patches
	Merge int  // patches a side that make one token
	// Seconds is the time between steps of the grid and Rate how many positions a second takes:
	// step t lies at floor(t·Seconds·Rate). Rate 0 means one position a step.
	Seconds, Rate float64
}

// Tokens returns the number of placeholder tokens.
func (m Media) Tokens() int { return m.Grid.Merged(m.Merge) }

// ErrMedia is wrapped by the errors of Index.
var ErrMedia = errors.New("rope: media do not fit the prompt")

// Index returns the position of each of n tokens, and the rope delta: the token with index i ≥ n
// has position i + delta on all axes.
//
// Text counts up by one on all axes. A medium starts at the previous maximum over all axes plus
// one; its tokens have time, row and column relative to that start. What follows it starts at the
// maximum so far plus one.
//
// Errors: wraps [ErrMedia] when media overlap, are out of order, or do not fit into n tokens.
// Source: Qwen2-VL (arXiv 2409.12191), section 2.1.
func Index(n int, media []Media) ([]Position, int, error) {
	pos := make([]Position, n)
	next, at := int32(0), 0
	text := func(until int) {
		for ; at < until; at++ {
			pos[at] = Position{next, next, next}
			next++
		}
	}
	for i, m := range media {
		if m.Merge < 1 || m.Start < at || m.Grid.T < 1 || m.Grid.H < m.Merge || m.Grid.W < m.Merge || m.Tokens() > n-m.Start {
			return nil, 0, fmt.Errorf("%w: medium %d at %d of %d tokens", ErrMedia, i, m.Start, n)
		}
		text(m.Start)
		h, w := m.Grid.H/m.Merge, m.Grid.W/m.Merge
		start, top := next, next
		for t := range m.Grid.T {
			time, err := m.time(t)
			if err != nil {
				return nil, 0, err
			}
			for y := range h {
				for x := range w {
					p := Position{start + time, start + int32(y), start + int32(x)}
					pos[at] = p
					top = max(top, p[0], p[1], p[2])
					at++
				}
			}
		}
		next = top + 1
	}
	text(n)
	return pos, int(next) - n, nil
}

// time returns the offset of grid step t on the time axis: multiplied as a real number and then
// truncated.
func (m Media) time(t int) (int32, error) {
	if m.Rate == 0 {
		return int32(t), nil
	}
	v := math.Floor(float64(t) * m.Seconds * m.Rate)
	if !(v >= 0 && v < 1<<30) {
		return 0, fmt.Errorf("%w: time %v of step %d", ErrMedia, v, t)
	}
	return int32(v), nil
}
