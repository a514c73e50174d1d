package qwenvl

// Coordinates in answers become places in the pictures of the request.

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/preprocess"
)

func respond(text string, c grounding.Convention, message []int, sizes ...[2]preprocess.Size) *Response {
	var media []processor.Medium
	for i, s := range sizes {
		media = append(media, processor.Medium{Original: s[0], Resized: s[1], Message: message[i]})
	}
	return &Response{Text: text, grounding: placingOf(media, c)}
}

func TestBoxes(t *testing.T) {
	wide := [2]preprocess.Size{{W: 200, H: 100}, {W: 56, H: 28}}
	tall := [2]preprocess.Size{{W: 300, H: 900}, {W: 280, H: 840}}

	// Each convention, in pixels of the original; corners in any order.
	got := respond("<ref>cup</ref><box>(500,900),(100,200)</box>", grounding.Thousandths, []int{0}, wide).Boxes()
	require.Equal(t, []Box{{Label: "cup", Shape: ShapeBox, X0: 20, Y0: 20, X1: 100, Y1: 90, Points: [][2]float64{{100, 90}, {20, 20}}, Start: 14, End: 44}}, got)
	got = respond(`[{"bbox_2d": [28, 7, 56, 14], "label": "cup"}]`, grounding.ResizedPixels, []int{0}, wide).Boxes()
	require.Len(t, got, 1)
	require.Equal(t, [4]float64{100, 25, 200, 50}, [4]float64{got[0].X0, got[0].Y0, got[0].X1, got[0].Y1})
	got = respond("click(x=0.25, y=0.5)", grounding.Unit, []int{0}, wide).Boxes()
	require.Len(t, got, 1)
	require.Equal(t, ShapePoint, got[0].Shape)
	require.Equal(t, [][2]float64{{50, 50}}, got[0].Points)

	// The right picture: the one named, or the first of the last message with pictures.
	three := func(text string) []Box {
		return respond(text, grounding.Thousandths, []int{0, 2, 2}, wide, tall, wide).Boxes()
	}
	require.Equal(t, 1, three("<box>(0,0),(1000,1000)</box>")[0].Picture)
	require.Equal(t, 900.0, three("<box>(0,0),(1000,1000)</box>")[0].Y1)
	require.Equal(t, 0, three("In Picture 1: <box>(0,0),(1000,1000)</box>")[0].Picture)
	require.Equal(t, 2, three("Picture 1 and Picture 3: <box>(0,0),(1000,1000)</box>")[0].Picture)
	require.Equal(t, 1, three("Picture 17: <box>(0,0),(1000,1000)</box>")[0].Picture)

	require.Empty(t, respond("<box>(0,0),(1000,1000)</box>", grounding.Thousandths, nil).Boxes(), "no pictures")
	require.Empty(t, (&Response{Text: "<box>(0,0),(1,1)</box>"}).Boxes())
	require.Empty(t, three("nothing here"))
	clip := []processor.Medium{{Video: true}}
	require.Empty(t, (&Response{Text: "<box>(0,0),(1,1)</box>", grounding: placingOf(clip, 0)}).Boxes(), "videos have no boxes")
}
