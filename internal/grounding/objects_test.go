package grounding

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// found writes the places of a text about three pictures in short.
func found(text string) string {
	var out []string
	for _, m := range Find(text, Thousandths, 3) {
		out = append(out, fmt.Sprintf("%s %s %v of %d", m.Label, [...]string{"box", "point", "quad"}[m.Shape], m.Points, m.Picture))
	}
	return strings.Join(out, "; ")
}

func TestObjects(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"several boxes", `{"bbox_2d": [[1,2,3,4], [5,6,7,8]], "label": "a"}`, "a box [[1 2] [3 4]] of 0; a box [[5 6] [7 8]] of 0"},
		{"several points", `{"point_2d": [[1,2], [3,4]], "label": "a"}`, "a point [[1 2]] of 0; a point [[3 4]] of 0"},
		{"box and point", `{"bbox_2d": [1,2,3,4], "point_2d": [2,3], "label": "a"}`, "a box [[1 2] [3 4]] of 0; a point [[2 3]] of 0"},
		{"corners in pairs", `{"bbox": [[1,2],[3,4]]} {"quad": [[1,2],[3,4],[5,6],[7,8]]}`, " box [[1 2] [3 4]] of 0;  quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{"parts of a place", `{"bbox_2d": [1,2,3,4], "label": "car", "parts": [{"bbox_2d": [5,6,7,8], "label": "wheel"}]}`, "car box [[1 2] [3 4]] of 0; wheel box [[5 6] [7 8]] of 0"},
		{"the first label counts", `{"sub_label": "s", "bbox_2d": [1,2,3,4], "text_content": "t"}`, "t box [[1 2] [3 4]] of 0"},
		{"escapes", `{"label": "\u00e9 \ud83d\ude00 \"q\" \/", "bbox_2d": [1,2,3,4]}`, "é 😀 \"q\" / box [[1 2] [3 4]] of 0"},
		{"single quotes", `[{'bbox_2d': [1, 2, 3, 4], 'label': 'it\'s'}, {'bbox_2d': [5,6,7,8], 'label': "it's"}]`, "it's box [[1 2] [3 4]] of 0; it's box [[5 6] [7 8]] of 0"},
		{"commas before brackets", `{"bbox_2d": [1,2,3,4,], "label": "a",}`, "a box [[1 2] [3 4]] of 0"},
		{"other values", `{"ok": true, "n": null, "v": -1.5e3, "o": {"p": [[], {}]}, "bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 0"},
		{"braces and quotes in prose", strings.Repeat("{x} ", 3000) + "{\" lone\n{'tis}\n" + `{"bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 0"},
		{"cut off within an object", `{"objects": [{"bbox_2d": [1,2,3,4]}, {"bbox_2d": [5,6,7,8], "lab`, " box [[1 2] [3 4]] of 0;  box [[5 6] [7 8]] of 0"},
		{"cut off within a list", `{"objects": [{"bbox_2d": [1,2,3,4]}, {"label": "a", "bbox_2d": [5,6,7,8`, " box [[1 2] [3 4]] of 0"},
		{"wrong counts", `{"bbox_2d": [1,2,3]} {"bbox_2d": []} {"point": [1,2,3]} {"quad": [1,2,3,4,5,6,7]} {"bbox_2d": [1,[2,3],4,5]} {"bbox_2d": [[[]]]}`, ""},
		{"no numbers", `{"bbox_2d": [1,2,"x",4]} {"bbox_2d": [1,2,"3%",4]} {"bbox_2d": [1,2,NaN,4]} {"bbox_2d": [1,2,{},4]} {"bbox_2d": [1,2,1e999,4]} {"bbox_2d": [1,2,3.4.5,4]}`, ""},
		{"too large", `{"bbox_2d": [1,2,3e200,4]} <box>(1,2),(999999999,4)</box>`, ""},
		{"too deep", strings.Repeat(`{"a":`, 1000) + `{"bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 0"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, found(c.text)) })
	}
}

func TestPictures(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"key", `{"image": 2, "bbox_2d": [1,2,3,4]} {"bbox_2d": [1,2,3,4], "picture": "3"} {"image": "Picture 1", "bbox_2d": [1,2,3,4]}`,
			" box [[1 2] [3 4]] of 2;  box [[1 2] [3 4]] of 3;  box [[1 2] [3 4]] of 1"},
		{"the key that says it", `{"image": 2, "image_path": "cat.png", "bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 2"},
		{"key of the object around", `{"image": 2, "objects": [{"bbox_2d": [1,2,3,4]}]}`, " box [[1 2] [3 4]] of 2"},
		{"key after what it is about", `{"objects": [{"bbox_2d": [1,2,3,4]}, {"bbox_2d": [5,6,7,8], "image": 1}], "image": 2}`, " box [[1 2] [3 4]] of 2;  box [[5 6] [7 8]] of 1"},
		{"as a key", `{"Picture 1": {"bbox_2d": [1,2,3,4]}, "image_2": [{"bbox_2d": [5,6,7,8]}]}`, " box [[1 2] [3 4]] of 1;  box [[5 6] [7 8]] of 2"},
		{"as a key, cut off", `{"image_2": [{"bbox_2d": [5,6,7,8]}, {"bb`, " box [[5 6] [7 8]] of 2"},
		{"numbers are no pictures", `{"2": {"bbox_2d": [1,2,3,4]}}`, " box [[1 2] [3 4]] of 0"},
		{"key goes before text", `Picture 1: {"image": 3, "bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 3"},
		{"impossible keys", `{"image": 0, "bbox_2d": [1,2,3,4]} {"image": 4, "bbox_2d": [1,2,3,4]} {"image": 1.5, "bbox_2d": [1,2,3,4]} {"image": -1e300, "bbox_2d": [1,2,3,4]}`, ""},
		{"a key that is no number", `{"image": "cat2.png", "bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 0"},
		{"labels name none", `Image 1: [{"bbox_2d": [1,2,3,4], "label": "dog of image 2"}, {"bbox_2d": [5,6,7,8]}]`, "dog of image 2 box [[1 2] [3 4]] of 1;  box [[5 6] [7 8]] of 1"},
		{"no such picture", `Picture 2 (image 1024x768, image 4, image 20): <box>(1,2),(3,4)</box>`, " box [[1 2] [3 4]] of 2"},
		{"other words", `subimage 2, images 3, pictures of 2, image <box>(1,2),(3,4)</box>`, " box [[1 2] [3 4]] of 0"},
		{"spellings", `图像2<box>(1,2),(3,4)</box>图片 3：<box>(1,2),(3,4)</box>PICTURE #1 <box>(1,2),(3,4)</box>`,
			" box [[1 2] [3 4]] of 2;  box [[1 2] [3 4]] of 3;  box [[1 2] [3 4]] of 1"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, found(c.text)) })
	}
	marks := Find(`{"image": 0, "bbox_2d": [1,2,3,4]} {"image": 7, "bbox_2d": [1,2,3,4]}`, Thousandths, 1)
	require.Len(t, marks, 2, "with one picture its number does not matter")
	require.Equal(t, []int{1, 1}, []int{marks[0].Picture, marks[1].Picture})
}

func TestPointTags(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`<points x1="1" y1="2" x2="3.5" y2="4" alt="tip">the tip</points>`, "tip point [[1 2]] of 0; tip point [[3.5 4]] of 0"},
		{`<point x="1" y="2">the tip</point>`, "the tip point [[1 2]] of 0"},
		{`<points x1="1" y1="2" x2="3">cut`, "cut point [[1 2]] of 0"},
		{`<points x1="a" y1="2" x2="3" y2="1e9" y3="4"></points>`, ""},
	} {
		require.Equal(t, c.want, found(c.text))
	}
}

// Whatever encoding/json writes is read, whole or cut off anywhere: the places whose numbers are complete, and no others.
func TestObjectsCutAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	labels := []string{"dog", `"quoted" {`, "it's\n[", "image 2", "狗 😀", `\`, "]}<box>"}
	for i := range 40 {
		type thing struct {
			Box   [4]float64 `json:"bbox_2d"`
			Label string     `json:"label"`
		}
		all := make([]thing, 1+rng.IntN(4))
		for i := range all {
			all[i].Label = labels[rng.IntN(len(labels))]
			for a := range 4 {
				all[i].Box[a] = float64(rng.IntN(100000)) / 100
			}
		}
		data, err := json.Marshal(all)
		if i%2 == 0 {
			data, err = json.MarshalIndent(all, "", " ")
		}
		require.NoError(t, err)
		text := "```json\n" + string(data) + "\n```"
		for cut := range len(text) + 1 {
			part := text[:cut]
			marks := Find(part, ResizedPixels, 2)
			lists := strings.Count(part, `],`)
			require.GreaterOrEqual(t, len(marks), lists, "%s", part)
			require.LessOrEqual(t, len(marks), strings.Count(part, "bbox_2d"), "%s", part)
			for i, m := range marks {
				b := all[i].Box
				require.Equal(t, [][2]float64{{b[0], b[1]}, {b[2], b[3]}}, m.Points, "%s", part)
				require.LessOrEqual(t, m.End, cut)
				if i < lists-1 {
					require.Equal(t, all[i].Label, m.Label, "%s", part)
				}
			}
		}
	}
}

// Hostile text has places within it, in order and not too many. It is so long that a search which
// begins anew at every mark takes minutes in place of a second.
func TestLongHostileText(t *testing.T) {
	const size = 1 << 17
	for _, unit := range []string{"{", `{"`, `{"a":`, `{"a":[`, `{"bbox_2d":[[`, `{"a":"\"`, `{'\'`, `{"image":2,"a":{"bbox_2d":[1,2,3,4]},"b":`, "{} ", `<points x1="1" `,
		`{a:"}`, `{"a":"x, y`, `"`, `{"a": "b" `, `\"`, `{'`, `[[`, `{"a":(`, `{/*`, `{#`, `{"bbox_2d":"[`, `{"bbox_2d":"1 2 3 4 `, `{"label":1,`, `{"bbox":[1,2,3,4],`,
		`{"a":[1][1]`, `[1,"a":`, `{]`, `[}`, "{“", "{　", `{"a":"{\"a\":`, `{"x":1,"y":2},`, `"bbox":`, `bbox=`, `[ "bbox" `, `{"a" `, `{"a":"b", `, `{"a":1,"a":"}`,
		`{a: x, `, `"label":"a",`, `{"a":"[x`, `{"a":"b",,,`, `{"x1":{"x1":1,"y1":2},"y1":`, `{"x1":1,"p1":`, `{"bbox":[{"x":1,"y":`, `{"bbox":[[[`, `{"bbox":[[1,2],[`, "<!-- Image (",
		"<parameter=x>", "<function=a>", "<function=a><parameter=x>", "<think>", "</think>", "\n<think>", "图二", "second image ", `<a b="c" `, `<a b="1 2 3 4">`,
		`{"bbox":1,2`, `{"bbox"],`, `{"bbox":,`, `{"a":{"b":{"bbox":[1]},`, "label: a\n", "bbox: [1]\n", "bbox: [1]\nlabel: a\n", "[1) ", "{&quot;", `{"a":"b" {`,
		"</think><think>", "(x=2,y=2)", "do(action=element=[1,2", "<|ref|>", "<|det|>1 2 ",
		"<ref>", "<box>(1,2),", "<box>1 2 3 4", "<|box_start|>", "(x=1,y=2", "pyautogui.click(", "Picture 1 ", "<box>(1,2),(3,4)</box> \n"} {
		text := strings.Repeat(unit, size/len(unit))
		marks := Find(text, Unit, 2)
		require.LessOrEqual(t, len(marks), maxMarks, unit)
		start := 0
		for _, m := range marks {
			require.True(t, start <= m.Start && m.Start < m.End && m.End <= len(text), unit)
			require.True(t, 0 <= m.Picture && m.Picture <= 2, unit)
			start = m.Start
		}
	}
}
