package main

import (
	"image"
	"regexp"
	"strconv"
)

// box is a labelled rectangle in thousandths of the picture's width and height.
type box struct {
	label          string
	x1, y1, x2, y2 int
}

// A label may be followed by several boxes, and a box may have no label.
var boxPattern = regexp.MustCompile(`(?:<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>)?` +
	`<\|box_start\|>\(([0-9]{1,4}),\s*([0-9]{1,4})\),\s*\(([0-9]{1,4}),\s*([0-9]{1,4})\)<\|box_end\|>`)

// parseBoxes finds the boxes in an answer. Coordinates are clamped to the picture and corners put in order.
func parseBoxes(answer string) []box {
	var out []box
	end := -1 // of the box before
	for _, m := range boxPattern.FindAllStringSubmatchIndex(answer, -1) {
		var b box
		switch {
		case m[2] >= 0:
			b.label = answer[m[2]:m[3]]
		case m[0] == end:
			b.label = out[len(out)-1].label
		}
		at := func(i int) int {
			n, _ := strconv.Atoi(answer[m[2*i]:m[2*i+1]]) // at most four digits
			return min(n, 1000)
		}
		b.x1, b.x2 = order(at(2), at(4))
		b.y1, b.y2 = order(at(3), at(5))
		out = append(out, b)
		end = m[1]
	}
	return out
}

func order(a, b int) (int, int) { return min(a, b), max(a, b) }

// in returns the box in pixels of a picture.
func (b box) in(width, height int) image.Rectangle {
	scale := func(v, side int) int { return (v*side + 500) / 1000 }
	return image.Rect(scale(b.x1, width), scale(b.y1, height), scale(b.x2, width), scale(b.y2, height))
}
