// Package grounding finds the places that a model names in an answer, in the notations of grounding
// models, and maps them to pixels.
package grounding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
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

const (
	maxMarks      = 10000 // taken from one text
	maxCoordinate = 1e6   // more is no coordinate of any picture
)

// Find returns the places in a text about a number of pictures, in order. What is not written in a
// known notation is no place; garbage is ignored, and so are numbers beyond a million. A text that
// is cut off has the places that are complete.
func Find(text string, c Convention, pictures int) []Mark {
	text = answer(text)
	marks, read := objects(text)
	marks = append(marks, others(marks, functions(text))...)
	marks = append(marks, others(marks, tagged(text))...)
	marks = append(marks, others(marks, elements(text))...)
	marks = append(marks, comments(text)...)
	marks = append(marks, others(marks, calls(text, c))...)
	marks = slices.DeleteFunc(marks, func(m Mark) bool {
		return slices.ContainsFunc(m.Points, func(p [2]float64) bool {
			return !(math.Abs(p[0]) <= maxCoordinate && math.Abs(p[1]) <= maxCoordinate)
		})
	})
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.Start, b.Start) })
	marks = marks[:min(len(marks), maxMarks)]
	return assign(marks, text, read, pictures)
}

// others returns the marks that known ones around them do not have already: a notation may stand
// in a string of another.
func others(known, marks []Mark) []Mark {
	if len(known) == 0 || len(marks) == 0 {
		return marks
	}
	spans := map[string][]span{} // by points, ascending
	for _, m := range known {
		key := fmt.Sprint(m.Points)
		spans[key] = append(spans[key], span{m.Start, m.End})
	}
	for _, s := range spans {
		slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	}
	return slices.DeleteFunc(marks, func(m Mark) bool {
		s := spans[fmt.Sprint(m.Points)]
		i, found := slices.BinarySearchFunc(s, m.Start, func(a span, start int) int {
			return cmp.Compare(a.start, start)
		})
		if !found {
			i--
		}
		return i >= 0 && s[i].end >= m.End
	})
}

// Size is a picture's width and height.
type Size struct{ W, H int }

// Pixels maps points to pixels of the original picture, within it. It reports false if a number is
// not finite.
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
