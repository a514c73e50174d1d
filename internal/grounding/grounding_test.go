package grounding

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	type mark struct {
		label   string
		shape   Shape
		points  [][2]float64
		picture int
	}
	for _, c := range []struct {
		name, text string
		convention Convention
		want       []mark
	}{
		{"tags", "<ref>the dog</ref><box>(12,40),(508,999)</box>", 0, []mark{{"the dog", Box, [][2]float64{{12, 40}, {508, 999}}, 0}}},
		{"several boxes of one reference", "<ref>cats</ref><box>(1,2),(3,4)</box><box>(5,6),(7,8)</box> and <box>(9,9),(10,10)</box>", 0, []mark{
			{"cats", Box, [][2]float64{{1, 2}, {3, 4}}, 0}, {"cats", Box, [][2]float64{{5, 6}, {7, 8}}, 0}, {"", Box, [][2]float64{{9, 9}, {10, 10}}, 0}}},
		{"special tokens", "<|object_ref_start|>red circle<|object_ref_end|><|box_start|>(110,230),(520,380)<|box_end|>", 0,
			[]mark{{"red circle", Box, [][2]float64{{110, 230}, {520, 380}}, 0}}},
		{"spaces and decimals", "<box>( 1.5 , 2 ) , (3, -4.25)</box>", 0, []mark{{"", Box, [][2]float64{{1.5, 2}, {3, -4.25}}, 0}}},
		{"quadrilateral", "<ref>sign</ref><quad>(1,2),(3,2),(3,4),(1,4)</quad>", 0, []mark{{"sign", Quad, [][2]float64{{1, 2}, {3, 2}, {3, 4}, {1, 4}}, 0}}},
		{"quadrilateral as tokens", "<|quad_start|>(1,2),(3,2),(3,4),(1,4)<|quad_end|>", 0, []mark{{"", Quad, [][2]float64{{1, 2}, {3, 2}, {3, 4}, {1, 4}}, 0}}},
		{"point", "<|box_start|>(4,5)<|box_end|>", 0, []mark{{"", Point, [][2]float64{{4, 5}}, 0}}},
		{"JSON in a fence", "```json\n[\n\t{\"bbox_2d\": [1, 2, 30, 40], \"label\": \"cup\"},\n\t{\"bbox_2d\": [5, 6, 7, 8], \"text_content\": \"Sale\"}\n]\n```", ResizedPixels, []mark{
			{"cup", Box, [][2]float64{{1, 2}, {30, 40}}, 0}, {"Sale", Box, [][2]float64{{5, 6}, {7, 8}}, 0}}},
		{"JSON that was cut off", `[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [5, 6,`, 0, []mark{{"a", Box, [][2]float64{{1, 2}, {3, 4}}, 0}}},
		{"JSON points", `{"point_2d": [7, 8], "label": "tip"}`, 0, []mark{{"tip", Point, [][2]float64{{7, 8}}, 0}}},
		{"JSON nested", `{"answer": {"objects": [{"bbox": [[1,2],[3,4]], "name": "n"}]}}`, 0, []mark{{"n", Box, [][2]float64{{1, 2}, {3, 4}}, 0}}},
		{"JSON polygon", `{"polygon": [1,2,3,4,5,6]}`, 0, []mark{{"", Quad, [][2]float64{{1, 2}, {3, 4}, {5, 6}}, 0}}},
		{"named pictures", "In Picture 2: <box>(1,1),(2,2)</box>, in image 1 <box>(3,3),(4,4)</box>, 图3<box>(5,5),(6,6)</box>", 0, []mark{
			{"", Box, [][2]float64{{1, 1}, {2, 2}}, 2}, {"", Box, [][2]float64{{3, 3}, {4, 4}}, 1}, {"", Box, [][2]float64{{5, 5}, {6, 6}}, 3}}},
		{"a picture by key", `Picture 1: {"bbox_2d":[1,2,3,4],"image":2}`, 0, []mark{{"", Box, [][2]float64{{1, 2}, {3, 4}}, 2}}},
		{"call", "pyautogui.click(x=0.25, y=0.5)", Unit, []mark{{"", Point, [][2]float64{{0.25, 0.5}}, 0}}},
		{"call of another family", "click(x=0.25, y=0.5)", 0, nil},
		{"bare numbers", "(1,2),(3,4) and [1,2,3,4]", 0, nil},
		{"garbage", "<box>(1,2),(3)</box> <box>(a,b),(c,d)</box> {\"bbox_2d\": \"x\"} {\"bbox_2d\": [1,2,3]} <box>(1,2),(3,4", 0, nil},
		{"empty", "", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []mark
			for _, m := range Find(c.text, c.convention, 3) {
				require.Less(t, m.Start, m.End)
				require.LessOrEqual(t, m.End, len(c.text))
				got = append(got, mark{m.Label, m.Shape, m.Points, m.Picture})
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A box survives writing in a family's convention and reading back, to a pixel or a thousandth of the side.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		original := Size{1 + rng.IntN(5000), 1 + rng.IntN(5000)}
		resized := Size{28 * (1 + rng.IntN(60)), 28 * (1 + rng.IntN(60))}
		want := [][2]float64{{rng.Float64() * float64(original.W), rng.Float64() * float64(original.H)}, {rng.Float64() * float64(original.W), rng.Float64() * float64(original.H)}}
		for _, c := range []Convention{Thousandths, ResizedPixels, Unit} {
			unit, format := [2]float64{1000, 1000}, "<box>(%.0f,%.0f),(%.0f,%.0f)</box>"
			switch c {
			case ResizedPixels:
				unit, format = [2]float64{float64(resized.W), float64(resized.H)}, `{"bbox_2d": [%.0f, %.0f, %.0f, %.0f]}`
			case Unit:
				unit, format = [2]float64{1, 1}, "<box>(%.3f,%.3f),(%.3f,%.3f)</box>"
			}
			var v []any
			for _, p := range want {
				v = append(v, p[0]/float64(original.W)*unit[0], p[1]/float64(original.H)*unit[1])
			}
			marks := Find(fmt.Sprintf(format, v...), c, 1)
			require.Len(t, marks, 1)
			got, ok := Pixels(marks[0].Points, c, original, resized)
			require.True(t, ok)
			for i, p := range want {
				for a, side := range [2]float64{float64(original.W), float64(original.H)} {
					step := side / 1000
					if c == ResizedPixels {
						step = side / unit[a]
					}
					require.InDelta(t, p[a], got[i][a], step/2+1e-6)
				}
			}
		}
	}
}

func TestPixelsAreClamped(t *testing.T) {
	got, ok := Pixels([][2]float64{{-5, 2000}, {500, 1e12}}, Thousandths, Size{200, 100}, Size{})
	require.True(t, ok)
	require.Equal(t, [][2]float64{{0, 100}, {100, 100}}, got)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		_, ok = Pixels([][2]float64{{bad, 1}}, Thousandths, Size{1, 1}, Size{})
		require.False(t, ok)
	}
}

// Hostile text takes time in proportion to its length.
func TestHostileText(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("{", 1<<18), strings.Repeat(`{"a":`, 1<<15), strings.Repeat("<box>(1,2),(3,4)</box>", 1<<14), strings.Repeat("<ref>", 1<<18),
		strings.Repeat("Picture 1 ", 1<<15), strings.Repeat("[", 1<<18), strings.Repeat(`{"bbox_2d":"[`, 1<<14), strings.Repeat(`{"a":"{\"a\":`, 1<<14),
		strings.Repeat(`{"bbox_2d":[1,2,3,4]}`, 1<<14), "<box>(" + strings.Repeat("9", 1<<18) + ",1),(2,3)</box>",
	} {
		require.LessOrEqual(t, len(Find(text, Unit, 2)), maxMarks)
	}
}

// Places are where the text says them.
func TestExtent(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`a <box>(1,2),(3,4)</box> b`, `<box>(1,2),(3,4)</box>`},
		{`a [{"bbox_2d": [1,2,3,4]}] b`, `{"bbox_2d": [1,2,3,4]}`},
		{`a [{"bbox_2d": [1,2,3,4], "label": "c`, `{"bbox_2d": [1,2,3,4], "label": "c`},
		{`a {"arguments": "{\"coordinate\": [1,2]}"} b`, `"{\"coordinate\": [1,2]}"`},
		{`a <function=f><parameter=p>{"coordinate": [1,2]}</parameter> b`, `{"coordinate": [1,2]}`},
		{`a <function=f><parameter=coordinate>[1,2]</parameter> b`, `<function=f><parameter=coordinate>[1,2]`},
		{`click(start_box='(1,2)') b`, `start_box='(1,2)'`},
		{`a <p data-bbox="1 2 3 4">b</p> c`, `<p data-bbox="1 2 3 4">b`},
		{`bbox_2d: [1, 2, 3, 4] b`, `bbox_2d: [1, 2, 3, 4]`},
	} {
		marks := Find(c.text, Thousandths, 1)
		require.Len(t, marks, 1, c.text)
		require.Equal(t, c.want, c.text[marks[0].Start:marks[0].End])
	}
}

func FuzzBoxes(f *testing.F) {
	f.Add("<ref>a</ref><box>(1,2),(3,4)</box>", uint8(0))
	f.Add(`Picture 2 {"bbox_2d":[1,2,3,4],"label":"x"} click(x=0.5,y=1e)`, uint8(2))
	f.Add(`{bbox: "(1,2),(3,4)", 'label': “a”， /* c */ "x1": 1,, "y1" 2}] "point_2d": [1, 2`, uint8(0))
	f.Add(`[{\"bbox_2d\": [1,2,3,4], \"label\": \"a \\\"b\\\"\"}, "box": {"x": 1, "y": 2, "w": 3, "h": 4}}}`, uint8(0))
	f.Add("<think>a</think><function=f><parameter=coordinate>[1, 2]</parameter><p data-bbox='1 2 3 4'>图二", uint8(0))
	f.Add("click(start_box='(1,2)') pyautogui.click(3, 4) <points x1=\"1\" y1=\"2\">the second image", uint8(2))
	f.Add("<|quad_start|>(1,2),(3,2),(3,4),(1,4)<|quad_end|>", uint8(1))
	f.Fuzz(func(t *testing.T, text string, c uint8) {
		for _, m := range Find(text, Convention(c%3), 2) {
			if m.Start < 0 || m.End > len(text) || m.Start >= m.End || len(m.Points) == 0 {
				t.Fatalf("%+v", m)
			}
			if p, ok := Pixels(m.Points, Convention(c%3), Size{100, 50}, Size{56, 28}); ok {
				for _, x := range p {
					if !(x[0] >= 0 && x[0] <= 100 && x[1] >= 0 && x[1] <= 50) {
						t.Fatalf("%v", x)
					}
				}
			}
		}
	})
}
