package main

// Places as rectangles of whole pixels.

import (
	"image"
	"math"

	"github.com/qwenvl/qwenvl"
)

// rectangle returns a place in whole pixels, scaled by times. A point becomes a small square.
func rectangle(b qwenvl.Box, times float64) image.Rectangle {
	const reach = 3 // of a point's square
	if b.Shape == qwenvl.ShapePoint {
		b.X0, b.Y0, b.X1, b.Y1 = b.X0-reach, b.Y0-reach, b.X1+reach, b.Y1+reach
	}
	at := func(v float64) int { return int(math.Round(v * times)) }
	return image.Rect(at(b.X0), at(b.Y0), at(b.X1), at(b.Y1))
}
