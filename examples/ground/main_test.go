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

	"github.com/qwenvl/qwenvl/preprocess"
)

const testdata = "../../testdata/"

func TestParseBoxes(t *testing.T) {
	const ref, endRef, start, end = "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"
	for _, c := range []struct {
		name, answer string
		want         []box
	}{
		{"none", "There is no star.", nil},
		{"labelled", ref + "red circle" + endRef + start + "(80,100),(390,470)" + end, []box{{"red circle", 80, 100, 390, 470}}},
		{"no label", start + "(1,2),(3,4)" + end, []box{{"", 1, 2, 3, 4}}},
		{"one label, two boxes", ref + "cat" + endRef + start + "(1,2),(3,4)" + end + start + "(5,6),(7,8)" + end,
			[]box{{"cat", 1, 2, 3, 4}, {"cat", 5, 6, 7, 8}}},
		{"a label is not carried over text", ref + "cat" + endRef + start + "(1,2),(3,4)" + end + " and " + start + "(5,6),(7,8)" + end,
			[]box{{"cat", 1, 2, 3, 4}, {"", 5, 6, 7, 8}}},
		{"the nearest label", ref + "cat" + endRef + " near " + ref + "dog" + endRef + start + "(1,2), (3,4)" + end, []box{{"dog", 1, 2, 3, 4}}},
		{"clamped and in order", start + "(1200,900),(3,4)" + end, []box{{"", 3, 4, 1000, 900}}},
		{"broken", start + "(1,2),(3)" + end + start + "(-1,2),(3,4)" + end, nil},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, parseBoxes(c.answer)) })
	}
}

func TestBoxIn(t *testing.T) {
	require.Equal(t, image.Rect(67, 0, 672, 280), box{x1: 100, x2: 1000, y2: 500}.in(672, 560))
}

// Boxes of any size and place are drawn without leaving the picture.
func TestAnnotate(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {100, 40}, {40, 700}, {800, 600}} {
		m := annotate(preprocess.NewImage(size.X, size.Y), []box{
			{"a", 0, 0, 1000, 1000}, {"zero", 500, 500, 500, 500}, {"last", 1000, 1000, 1000, 1000}, {"", 10, 10, 20, 20},
			{strings.Repeat("long ", 300), 990, 0, 1000, 10},
		})
		bounds := m.Bounds()
		require.Zero(t, bounds.Dx()%size.X)
		require.Equal(t, bounds.Dx()/size.X, bounds.Dy()/size.Y, "the ratio is kept")
		require.GreaterOrEqual(t, max(bounds.Dx(), bounds.Dy()), leastSide)
	}
}

// A frame lies on the edges of its box and leaves the inside as it was.
func TestFrame(t *testing.T) {
	m := annotate(preprocess.NewImage(1000, 1000), []box{{"", 200, 300, 600, 700}})
	for _, p := range []image.Point{{200, 500}, {599, 500}, {400, 300}, {400, 699}} {
		require.Equal(t, colours[0], m.RGBAAt(p.X, p.Y), "%v", p)
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

	f, err := os.Open(out)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 672, 560), m.Bounds())
	for i, p := range []image.Point{{54, 150}, {470, 150}} { // left edges
		require.Equal(t, colours[i], m.(*image.RGBA).RGBAAt(p.X, p.Y))
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
		{"no box", `no box in the answer to "Read the text.": "40718"`, []string{testdata + "digits.png", "Read the text."}},
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
