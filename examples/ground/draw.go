package main

// Drawing labeled boxes on a picture.

import (
	"image"
	"image/color"
	"image/draw"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/preprocess"
)

// leastSide is the longer side below which a picture is enlarged, so that labels are legible on it.
const leastSide = 640

// colors of boxes, in turn; the text on them is white.
var colors = []color.RGBA{
	{200, 30, 90, 255},
	{0, 110, 160, 255},
	{120, 80, 0, 255},
	{90, 50, 170, 255},
	{0, 120, 70, 255},
	{190, 70, 0, 255},
}

// annotate returns the picture with the boxes on it.
func annotate(picture *preprocess.Image, boxes []qwenvl.Box) *image.RGBA {
	m := enlarged(picture)
	size := m.Bounds().Size()
	times := float64(size.X) / float64(picture.Width)
	line := max(2, min(size.X, size.Y)/140)
	face := labelFace(float64(max(13, min(size.X, size.Y)/28)))
	for i, b := range boxes {
		frame(m, rectangle(b, times), line, colors[i%len(colors)])
	}
	for i, b := range boxes { // over all frames
		if b.Label != "" {
			label(m, rectangle(b, times), line, face, b.Label, colors[i%len(colors)])
		}
	}
	return m
}

// enlarged copies the picture, a whole number of times larger if it is small.
func enlarged(p *preprocess.Image) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := range p.Width * p.Height {
		m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2], 255
	}
	longer := max(p.Width, p.Height)
	if longer >= leastSide {
		return m
	}
	times := (leastSide + longer - 1) / longer
	large := image.NewRGBA(image.Rect(0, 0, p.Width*times, p.Height*times))
	xdraw.CatmullRom.Scale(large, large.Bounds(), m, m.Bounds(), draw.Src, nil)
	return large
}

// frame draws a rectangle's outline, centered on its edges.
func frame(m *image.RGBA, r image.Rectangle, line int, c color.RGBA) {
	outer := image.Rect(r.Min.X-line/2, r.Min.Y-line/2, r.Max.X+line/2, r.Max.Y+line/2)
	ink := image.NewUniform(c)
	inner := outer.Inset(line)
	if inner.Empty() {
		draw.Draw(m, outer, ink, image.Point{}, draw.Src)
		return
	}
	for _, side := range []image.Rectangle{
		image.Rect(outer.Min.X, outer.Min.Y, outer.Max.X, inner.Min.Y),
		image.Rect(outer.Min.X, inner.Max.Y, outer.Max.X, outer.Max.Y),
		image.Rect(outer.Min.X, inner.Min.Y, inner.Min.X, inner.Max.Y),
		image.Rect(inner.Max.X, inner.Min.Y, outer.Max.X, inner.Max.Y),
	} {
		draw.Draw(m, side, ink, image.Point{}, draw.Src)
	}
}

// label writes text on a patch of color above a box, or inside it where the picture ends.
func label(m *image.RGBA, r image.Rectangle, line int, face font.Face, text string, c color.RGBA) {
	metrics := face.Metrics()
	pad := line + 1
	w := font.MeasureString(face, text).Ceil() + 2*pad
	h := (metrics.Ascent + metrics.Descent).Ceil() + pad
	x := max(0, min(r.Min.X-line/2, m.Bounds().Dx()-w))
	y := r.Min.Y - line/2 - h
	if y < 0 {
		y = max(0, r.Min.Y+line/2)
	}
	draw.Draw(m, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
	d := font.Drawer{Dst: m, Src: image.White, Face: face, Dot: fixed.P(x+pad, y+pad/2+metrics.Ascent.Ceil())}
	d.DrawString(text)
}

// labelFace is Go Bold in a size in pixels.
func labelFace(pixels float64) font.Face {
	f, err := opentype.Parse(gobold.TTF)
	if err == nil {
		var face font.Face
		if face, err = opentype.NewFace(f, &opentype.FaceOptions{Size: pixels, DPI: 72, Hinting: font.HintingFull}); err == nil {
			return face
		}
	}
	panic("ground: the font that is compiled in cannot be read")
}
