// Package ground finds the places that a model names in an answer, in the notations of grounding models, and maps them to pixels.
package ground

import (
	"math"
	"sort"
)

// Convention says what a family's coordinates count.
type Convention uint8

// The conventions.
const (
	Thousandths   Convention = iota // of the picture's width and height
	ResizedPixels                   // of the picture as it was resized for the tower
	Unit                            // fractions of width and height
)

// Shape is a kind of place.
type Shape uint8

// The shapes.
const (
	Box   Shape = iota // two opposite corners
	Point              // one point
	Quad               // three corners or more
)

// Mark is a place as a model wrote it.
type Mark struct {
	Label      string
	Shape      Shape
	Points     [][2]float64 // in the convention of the model
	Picture    int          // number of the picture that the text names for it, from 1; 0: none
	Start, End int          // bytes of the text
}

// maxMarks bounds what is taken from one text.
const maxMarks = 10000

// Find returns the places in a text, in order. What is not written in a known notation is no place; garbage is ignored.
func Find(text string, c Convention) []Mark {
	marks := append(tagged(text), objects(text)...)
	if c == Unit {
		marks = append(marks, calls(text)...)
	}
	sort.SliceStable(marks, func(i, j int) bool { return marks[i].Start < marks[j].Start })
	if len(marks) > maxMarks {
		marks = marks[:maxMarks]
	}
	named := pictureNames(text)
	k, last := 0, 0
	for i := range marks {
		for ; k < len(named) && named[k].at < marks[i].Start; k++ {
			last = named[k].number
		}
		if marks[i].Picture == 0 {
			marks[i].Picture = last
		}
	}
	return marks
}

// Size is a picture's width and height.
type Size struct{ W, H int }

// Pixels maps points to pixels of the original picture, within it. It reports false if a number is not finite.
func Pixels(points [][2]float64, c Convention, original, resized Size) ([][2]float64, bool) {
	unit := [2]float64{1000, 1000}
	switch c {
	case ResizedPixels:
		unit = [2]float64{float64(resized.W), float64(resized.H)}
	case Unit:
		unit = [2]float64{1, 1}
	}
	side := [2]float64{float64(original.W), float64(original.H)}
	out := make([][2]float64, len(points))
	for i, p := range points {
		for a := range p {
			v := p[a] / unit[a] * side[a]
			if math.IsNaN(v) || math.IsInf(p[a], 0) {
				return nil, false
			}
			out[i][a] = min(max(v, 0), side[a])
		}
	}
	return out, true
}
