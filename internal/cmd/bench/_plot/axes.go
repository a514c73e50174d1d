package main

// Axes of the plots: scales and ticks.

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
)

// axes sets the scales: ticks along x stand at points, as far apart as their labels need; along y
// rates start at 0.
func (p panel) axes(pl *plot.Plot, at map[float64]bool) {
	var xs []float64
	for x := range at {
		xs = append(xs, x)
	}
	slices.Sort(xs)
	next := func(x float64) float64 { return 1.8 * x }
	ticks := []plot.Tick{}
	if p.logX {
		pl.X.Scale = plot.LogScale{}
	} else {
		pl.X.Min = 0
		ticks = append(ticks, plot.Tick{Label: "0"})
		next = func(x float64) float64 { return x + xs[len(xs)-1]/5 }
	}
	for i, least := 0, next(0); i < len(xs); i++ {
		t := plot.Tick{Value: xs[i]}
		if xs[i] >= least {
			t.Label, least = strconv.Itoa(int(xs[i])), next(xs[i])
		}
		ticks = append(ticks, t)
	}
	pl.X.Tick.Marker = plot.ConstantTicks(ticks)
	if p.logY {
		pl.Y.Scale = plot.LogScale{}
		pl.Y.Tick.Marker = plot.ConstantTicks(decades(pl.Y.Min, pl.Y.Max))
		// Room for the legend above the lines.
		pl.Y.Max *= 2
		return
	}
	pl.Y.Min = 0
	pl.Y.Max *= 1.3
}

// decades returns ticks at 1, 2 and 5 times powers of ten from below least to above most.
func decades(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(least)); e <= math.Ceil(math.Log10(most))+1; e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
		}
	}
	return ticks
}
