package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Tokens count from the moment that the last sequence has begun, until the slowest has made its share.
func TestWindow(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, 0).Add(time.Duration(s * float64(time.Second))) }
	w := newWindow(2, 2)
	for _, c := range []struct {
		sequence int
		time     float64
		over     bool
	}{
		{0, 0, false}, {0, 1, false}, {0, 2, false}, {0, 3, false}, // alone: more than its share, none of it counts
		{1, 4, false}, // begins
		{0, 5, false}, {1, 5, false}, {0, 6, false}, {0, 7, false},
		{1, 8, true},
		{0, 9, true}, {1, 9, true}, // afterwards
	} {
		require.Equal(t, c.over, w.token(c.sequence, at(c.time)), "%v", c)
		require.Equal(t, c.over, w.over(), "%v", c)
	}
	require.Equal(t, 5.0/4, w.rate()) // three of one and two of the other in four seconds

	one := newWindow(1, 3)
	for i := range 3 {
		require.False(t, one.token(0, at(float64(i))))
	}
	require.True(t, one.token(0, at(3)))
	require.Equal(t, 1.0, one.rate())
}
