package qwenvl

// The places in pictures that an answer names. internal/grounding reads their notations; here they
// become pixels of the pictures as they were given.

import (
	"math"

	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// Box is a place in a picture that an answer names.
type Box struct {
	Label string // what the model calls it; "" if it does not say
	Shape Shape
	// Picture is the index of the picture among all pictures of the request, in order.
	Picture int
	// X0, Y0, X1 and Y1 bound the place in pixels of the picture as it was given, after its
	// orientation was applied; X0 ≤ X1 and Y0 ≤ Y1, all within the picture.
	X0, Y0, X1, Y1 float64
	// Points are the place's own points in the same pixels: two corners, one point, or the corners
	// of a quadrilateral.
	Points [][2]float64
	// Start and End are the bytes of the Text that say it.
	Start, End int
}

// Shape is a kind of place.
type Shape string

// The shapes.
const (
	ShapeBox   Shape = "box"
	ShapePoint Shape = "point"
	ShapeQuad  Shape = "quad"
)

// placing is what a response needs to turn a model's coordinates into pixels.
type placing struct {
	convention grounding.Convention
	pictures   []pictureSize
	standard   int // the picture that is meant when the answer names none
}

type pictureSize struct{ original, resized grounding.Size }

// placingOf takes the pictures of a prompt; videos have no places.
func placingOf(media []processor.Medium, convention grounding.Convention) placing {
	g := placing{convention: convention}
	message := -1
	for _, m := range media {
		if m.Video {
			continue
		}
		if m.Message != message {
			g.standard, message = len(g.pictures), m.Message
		}
		size := pictureSize{grounding.Size(m.Original), grounding.Size(m.Resized)}
		g.pictures = append(g.pictures, size)
	}
	return g
}

// Boxes returns the places that the answer names, in order, in the notations of grounding models:
//
//	<ref>cup</ref><box>(1,2),(3,4)</box>        tags, plain or as special tokens; points, quads
//	[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}] JSON, under many names of keys; "point_2d", …
//	{"x1": 1, "y1": 2, "x2": 3, "y2": 4}        JSON, each number with a key of its own
//	{"bboxes": {"cup": [[1, 2, 3, 4]]}}         JSON, with labels around the places
//	<|ref|>cup<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>
//	<points x1="1" y1="2" alt="cup">cup</points> attributes; <p data-bbox="1 2 3 4">cup</p>
//	<!-- Image (1, 2, 3, 4) -->                 comments in documents
//	<tool_call>{… "coordinate": [1, 2]}         tool calls, in JSON and as <parameter=coordinate>
//	click(start_box='(1,2)')                    actions; pyautogui.click(x=1, y=2)
//
// JSON may be damaged or cut off: it goes on at the next key or bracket, and what is complete
// counts. Bare numbers, percentages and boxes in three dimensions are no places. What stands in
// thoughts is no answer, also where the thoughts were not split off.
//
// A place belongs to the picture that the text names last before it ("Picture 2", "Img 2", "second
// image", "图2"), or that its object or one around it names: {"image_id": 2, …}, {"Picture 2": …}.
// Pictures are counted from 1, as templates number them, videos not among them; a number that none
// has means nothing in text, and in an object leaves the place out. Without a name it is the first
// picture of the last message that has pictures. Coordinates outside the picture are clamped;
// places with coordinates beyond a million, or that are no numbers, are left out. Without pictures
// there are no boxes.
//
// Of an answer that has not ended, see [Accumulator], the places so far are returned; of the last
// one the label may still grow. The time is linear in the text.
func (r *Response) Boxes() []Box {
	g := r.grounding
	if len(g.pictures) == 0 {
		return nil
	}
	var out []Box
	for _, m := range grounding.Find(r.Text, g.convention, len(g.pictures)) {
		b := Box{Label: m.Label, Picture: g.standard, Start: m.Start, End: m.End}
		b.Shape = [...]Shape{ShapeBox, ShapePoint, ShapeQuad}[m.Shape]
		if m.Picture > 0 {
			b.Picture = m.Picture - 1
		}
		size := g.pictures[b.Picture]
		var ok bool
		b.Points, ok = grounding.Pixels(m.Points, g.convention, size.original, size.resized)
		if !ok {
			continue
		}
		b.X0, b.Y0, b.X1, b.Y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, p := range b.Points {
			b.X0, b.Y0 = min(b.X0, p[0]), min(b.Y0, p[1])
			b.X1, b.Y1 = max(b.X1, p[0]), max(b.Y1, p[1])
		}
		out = append(out, b)
	}
	return out
}
