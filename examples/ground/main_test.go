package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/preprocess"
)

const testdata = "../../testdata/"

func place(label string, x0, y0, x1, y1 float64) qwenvl.Box {
	return qwenvl.Box{Label: label, Shape: qwenvl.ShapeBox, X0: x0, Y0: y0, X1: x1, Y1: y1}
}

func TestRectangle(t *testing.T) {
	require.Equal(t, image.Rect(20, 0, 201, 100), rectangle(place("", 10, 0, 100.4, 50), 2))
	p := place("", 10, 10, 10, 10)
	p.Shape = qwenvl.ShapePoint
	require.Equal(t, image.Rect(7, 7, 13, 13), rectangle(p, 1))
}

// Boxes of any size and place are drawn without leaving the picture.
func TestAnnotate(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {100, 40}, {40, 700}, {800, 600}} {
		w, h := float64(size.X), float64(size.Y)
		m := annotate(preprocess.NewImage(size.X, size.Y), []qwenvl.Box{
			place("a", 0, 0, w, h), place("zero", w/2, h/2, w/2, h/2), place("last", w, h, w, h), place("", w/100, h/100, w/50, h/50),
			place(strings.Repeat("long ", 300), 0.99*w, 0, w, h/100),
		})
		bounds := m.Bounds()
		require.Zero(t, bounds.Dx()%size.X)
		require.Equal(t, bounds.Dx()/size.X, bounds.Dy()/size.Y, "the ratio is kept")
		require.GreaterOrEqual(t, max(bounds.Dx(), bounds.Dy()), leastSide)
	}
}

// A frame lies on the edges of its box and leaves the inside as it was.
func TestFrame(t *testing.T) {
	m := annotate(preprocess.NewImage(1000, 1000), []qwenvl.Box{place("", 200, 300, 600, 700)})
	for _, p := range []image.Point{{200, 500}, {599, 500}, {400, 300}, {400, 699}} {
		require.Equal(t, colors[0], m.RGBAAt(p.X, p.Y), "%v", p)
	}
	black := m.RGBAAt(0, 0)
	for _, p := range []image.Point{{400, 500}, {190, 500}, {400, 710}} {
		require.Equal(t, black, m.RGBAAt(p.X, p.Y), "%v", p)
	}
}

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "boxes.png")
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"-o", out, testdata + "scene.png", "Where is the red circle?", "Where is the blue square?"}, &stdout, &stderr)
	require.NoError(t, err)
	require.Equal(t, "red circle\t(54,56)\t(262,263)\nblue square\t(470,90)\t(625,246)\n", stdout.String())
	require.Contains(t, stderr.String(), "The toy model answers")
	require.Contains(t, stderr.String(), "wrote "+out+", 672 by 560 pixels, boxes: 2\n")

	f, err := os.Open(out)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 672, 560), m.Bounds())
	for i, p := range []image.Point{{54, 150}, {470, 150}} { // left edges
		require.Equal(t, colors[i], m.(*image.RGBA).RGBAAt(p.X, p.Y))
	}
}

func TestRunErrors(t *testing.T) {
	out := filepath.Join(t.TempDir(), "boxes.png")
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no question", "got 1 arguments", []string{"a.png"}},
		{"no such picture", "none.png", []string{"none.png", "Where?"}},
		{"not a picture", "main.go", []string{"main.go", "Where?"}},
		{"no such model", "nowhere", []string{"-model", "nowhere", testdata + "scene.png", "Where?"}},
		{"no box", `"Read the text.": no box in the answer "40718"`, []string{testdata + "digits.png", "Read the text."}},
		{"pixels", "-1", []string{"-max-pixels", "-1", testdata + "scene.png", "Where?"}},
		{"no such folder", "nowhere", []string{"-o", "nowhere/a.png", testdata + "scene.png", "Where is the red circle?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := c.args
			if args[0] != "-o" {
				args = append([]string{"-o", out}, args...)
			}
			require.ErrorContains(t, run(t.Context(), args, &stdout, &stderr), c.want)
			require.NoFileExists(t, out)
		})
	}
}
