package main

// Whether an answer is right: the text, or for places how far two boxes overlap.

import (
	"regexp"
	"strconv"
	"strings"
)

// correct judges an answer: it must be the true one, or for the question where something is, a box
// that overlaps the true one by half.
func correct(r row, got string) bool {
	want := strings.TrimSpace(r.Answer)
	if r.Task != "where" {
		return got == want
	}
	a, ok := readBox(got)
	b, okWant := readBox(want)
	return ok && okWant && overlap(a, b) >= 0.5
}

// box is corners, x1 < x2 and y1 < y2.
type box struct{ x1, y1, x2, y2 float64 }

var corners = regexp.MustCompile(`\((\d{1,6}),(\d{1,6})\),\((\d{1,6}),(\d{1,6})\)`)

// readBox returns the first box of a text.
func readBox(text string) (box, bool) {
	m := corners.FindStringSubmatch(text)
	if m == nil {
		return box{}, false
	}
	var v [4]float64
	for i := range v {
		v[i], _ = strconv.ParseFloat(m[i+1], 64) // at most six digits
	}
	return box{min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])}, true
}

func (b box) area() float64 { return max(0, b.x2-b.x1) * max(0, b.y2-b.y1) }

// overlap returns the intersection of two boxes over their union.
func overlap(a, b box) float64 {
	both := box{max(a.x1, b.x1), max(a.y1, b.y1), min(a.x2, b.x2), min(a.y2, b.y2)}.area()
	union := a.area() + b.area() - both
	if union <= 0 {
		return 0
	}
	return both / union
}
