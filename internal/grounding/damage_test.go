package grounding

// Answers that are damaged: what json_repair reads in them, and nothing else.

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDamage(t *testing.T) {
	const (
		a  = "a box [[1 2] [3 4]] of 0"
		ab = a + "; b box [[5 6] [7 8]] of 0"
	)
	for _, c := range []struct{ name, text, want string }{
		// Brackets, commas and colons.
		{"no comma between objects", `[{"bbox_2d": [1,2,3,4], "label": "a"} {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"no comma between members", `{"bbox_2d": [1,2,3,4] "label": "a"}`, a},
		{"no comma after a string", "{\"label\": \"a\"\n \"bbox_2d\": [1,2,3,4]}", a},
		{"no commas between numbers", `{"bbox_2d": [1 2 3 4], "label": "a"}`, a},
		{"semicolons", `{"bbox_2d": [1; 2; 3; 4]; "label": "a"}`, a},
		{"stray marks", `{"bbox_2d"1: [1, 2:, 3\, 4], "label": :"a":, "x"]: 1}`, a},
		{"commas after a string", `{label: "a",, bbox_2d: [1,2,3,4]}`, a},
		{"commas twice", `{"bbox_2d": [1,,2,3,4],, "label": "a"}`, a},
		{"no colon", `{"bbox_2d" [1,2,3,4], "label" "a"}`, a},
		{"colons twice", `{"bbox_2d":: [1,2,3,4], "label":: "a"}`, a},
		{"an arrow for a colon", `{"bbox_2d" => [1,2,3,4], "label" => "a"}`, a},
		{"no closing bracket", `{"bbox_2d": [1, 2, 3, 4, "label": "a"}`, a},
		{"no closing bracket of two", `{"bbox_2d": [[1, 2, 3, 4], "label": "a"}`, a},
		{"no closing bracket before a brace", `{"label": "a", "bbox_2d": [1, 2, 3, 4}, {"bbox_2d": [5,6,7,8], "label": "b"}`, ab},
		{"a brace for a bracket", `[{"bbox_2d": [1,2,3,4}, "label": "a"}, {"bbox_2d": [5,6,7,8}, "label": "b"}]`, ab},
		{"a round bracket inside", `[{"bbox_2d": [1), 2, 3) 4], "label": "a"}]`, a},
		{"no opening bracket of a list", `[{"bbox_2d": 1, 2, 3, 4], "label": "a"}, {"label": "b", "bbox_2d": 5, 6, 7, 8}]`, ab},
		{"a number alone", `{"bbox_2d": 1, "label": 2, 3], "x": 4}`, ""},
		{"another mark for a colon", `{"bbox_2d", [1,2,3,4], "label"; "a"} {"bbox_2d"] [5,6,7,8], "label") "b"}`, ab},
		{"a mark behind a colon", `{"bbox_2d":; [1,2,3,4], "label":] "a"}`, a},
		{"a comma behind a colon", `{"bbox_2d": [1,2,3,4], "label":, "a"}`, " box [[1 2] [3 4]] of 0"},
		{"a mark behind a string", `{"label": "a"[, "bbox_2d": [1,2,3,4]} {"bbox_2d": [5,6,7,8], "label": "b"{}`, ab},
		{"no closing brace and no comma", `[{"bbox_2d": [1,2,3,4], "label": "a" {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"a brace behind the label", `[{"label": "a", {"bbox_2d": [1,2,3,4]}]`, a},
		{"a closing bracket too many", `[{"bbox_2d": [1,2,3,4]], "label": "a"}, {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"a closing brace too many", `[{"bbox_2d": [1,2,3,4], "label": "a"}}, {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"no closing brace", `[{"bbox_2d": [1,2,3,4], "label": "a", {"bbox_2d": [5,6,7,8], "label": "b"}]`, "a box [[1 2] [3 4]] of 0; b box [[5 6] [7 8]] of 0"},
		{"no brace before the end of the list", `{"objects": [{"bbox_2d": [1,2,3,4], "label": "a"], "label": "no"}`, a},
		{"no opening bracket", `{"bbox_2d": [1,2,3,4], "label": "a"}, {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"no opening brace", `[{"bbox_2d": [1,2,3,4], "label": "a"}, "bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"no opening brace at the start", `"bbox_2d": [1,2,3,4], "label": "a"}, {"bbox_2d": [5,6,7,8], "label": "b"}`, ab},
		{"no opening brace before the label", `"label": "a", "bbox_2d": [1,2,3,4]}`, a},
		{"no braces between two", `[{"bbox_2d": [1,2,3,4], "label": "a", "bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"two opening braces", `{{"bbox_2d": [1,2,3,4], "label": "a"}}`, a},
		{"a list in two parts", `{"bbox_2d": [1,2], [3,4], "label": "a"}`, a},
		{"other brackets", `{"bbox_2d": (1, 2, 3, 4), "label": "a"} {"bbox_2d": [(5, 6), (7, 8)], "label": "b"}`, ab},
		{"an ellipsis", `[{"bbox_2d": [1,2,3,4], "label": "a"}, ...] [{"bbox_2d": [...], "label": "b"}, …]`, a},
		{"comments", "{\"bbox_2d\": [1, 2, // left\n 3, 4], # c\n /* d */ \"label\": \"a\"} // e", a},
		{"a comment without an end", `{"bbox_2d": [1,2,3,4], /* "label": "a"}`, a},
		{"full-width punctuation", `｛"bbox_2d"：【1、2，3，4】，"label"：“a”｝`, a},
		{"other blanks", "\ufeff[{\"bbox_2d\":\u00a0[1,\u00a02,\u30003, 4], \"label\": \"a\"}]", a},

		// Strings.
		{"keys without quotes", `{bbox_2d: [1,2,3,4], label: "a"}`, a},
		{"words without quotes", `{bbox_2d: [1,2,3,4], label: red cup} {"bbox_2d": [1,2,3,4] label: the dog, "x": 1}`,
			"red cup box [[1 2] [3 4]] of 0; the dog box [[1 2] [3 4]] of 0"},
		{"no opening quote", `{bbox_2d": [1,2,3,4], "label": a"}`, a},
		{"no closing quote", `{"bbox_2d: [1,2,3,4], "label": "a}`, a},
		{"no opening quote before a comma", `{"bbox_2d": [1,2,3,4], "label": x, y"}`, "x, y box [[1 2] [3 4]] of 0"},
		{"no closing quote after a bracket", `{"bbox_2d": [1,2,3,4], "label": "[x]}`, "[x] box [[1 2] [3 4]] of 0"},
		{"no closing quote before a key", `{"label": "a, "bbox_2d": [1,2,3,4]}`, a},
		{"no closing quote before an object", `[{"bbox_2d": [1,2,3,4], "label": "a}, {"bbox_2d": [5,6,7,8], "label": "b"}]`, ab},
		{"quotes twice", `{"bbox_2d"": [1,2,3,4], "label": ""a""}`, a},
		{"quotes inside", `{"bbox_2d": [1,2,3,4], "label": "the "big" dog"} {"label": "a "b", c" d", "bbox_2d": [1,2,3,4]}`,
			`the "big" dog box [[1 2] [3 4]] of 0; a "b", c" d box [[1 2] [3 4]] of 0`},
		{"quotes at the start", `{"bbox_2d": [1,2,3,4], "label": ""big" dog"}`, `"big" dog box [[1 2] [3 4]] of 0`},
		{"quotes of HTML", `{&quot;bbox_2d&quot;: [1,2,3,4], &quot;label&quot;: &quot;a&quot;}`, a},
		{"apostrophes", `{'label': 'dog's toy', 'bbox_2d': [1,2,3,4]}`, "dog's toy box [[1 2] [3 4]] of 0"},
		{"other quotes", `{“bbox_2d”: [1,2,3,4], "label": ‘a’}`, a},
		{"a line's end inside", "{\"label\": \"x\ny\", \"bbox_2d\": [1,2,3,4]}", "x\ny box [[1 2] [3 4]] of 0"},
		{"backslashes", `{"bbox_2d": [1,2,3,4], "label": "C:\Users"} {"bbox_2d": [1,2,3,4], "label": "\alpha \\ \u00e9 \u12"}`,
			`C:\Users box [[1 2] [3 4]] of 0; \alpha \ é \u12 box [[1 2] [3 4]] of 0`},
		{"escaped", `{\"bbox_2d\": [1,2,3,4], \"label\": \"a\"}`, a},
		{"escaped twice", `"[{\n \"bbox_2d\": [1,2,3,4],\n \"label\": \"the \\\"big\\\" dog\"}]"`, `the "big" dog box [[1 2] [3 4]] of 0`},
		{"JSON in a string", `{"arguments": "{\"bbox_2d\": [1,2,3,4], \"label\": \"a\"}"}`, a},
		{"JSON in a label", `{"label": "{\"bbox_2d\": [5,6,7,8]}", "bbox_2d": [1,2,3,4]}`, `{"bbox_2d": [5,6,7,8]} box [[1 2] [3 4]] of 0`},
		{"no value", `{"bbox_2d": [1,2,3,4], "label": } {"label": , "bbox_2d": [1,2,3,4]}`, " box [[1 2] [3 4]] of 0;  box [[1 2] [3 4]] of 0"},

		// Cut off: what is complete stays.
		{"cut in a label", `{"bbox_2d": [1,2,3,4], "label": "a`, a},
		{"cut in a key", `{"bbox_2d": [1,2,3,4], "label": "a", "sco`, a},
		{"cut behind a list", `[{"bbox_2d": [1,2,3,4], "label": "a"}, {"label": "b", "bbox_2d": [5,6,7,8]`, ab},
		{"cut in a number", `[{"bbox_2d": [1,2,3,4], "label": "a"}, {"label": "b", "bbox_2d": [5,6,7,8`, a},
		{"cut behind a comma", `[{"bbox_2d": [1,2,3,4], "label": "a"}, {"label": "b", "bbox_2d": [5,6,7,8,`, a},
		{"cut by a fence", "```json\n[{\"label\": \"a\", \"bbox_2d\": [1,2,3,4\n```", a},
		{"cut in a string", `{"bbox_2d": "[1, 2, 3, 4`, ""},
		{"cut before a quote", `{"label": "a", "bbox_2d": "[1, 2, 3, 4]`, a},
		{"cut with keys of their own", `{"x1": 1, "y1": 2, "x2": 3, "y2": 4`, ""},
		{"endless digits", `{"bbox_2d": [1,2,3,4], "label": "a"}, {"bbox_2d": [5,6,7,8888888888888888888888888`, a},

		// Nothing is made up.
		{"percent", `{"bbox_2d": ["1%","2%","3%","4%"]} {"bbox_2d": [1%, 2%, 3%, 4%]} {"bbox_2d": "1% 2% 3% 4%"}`, ""},
		{"units and words", `{"bbox_2d": [1px, 2px, 3px, 4px]} {"bbox_2d": [x1, y1, x2, y2]} {"bbox_2d": "1 to 2, 3 to 4"}`, ""},
		{"another dimension", `{"bbox_3d": [1,2,3,4]} {"bbox_2d": [1,2,3,4,5]} {"bbox_2d": [1,2,3,null]}`, ""},
		{"numbers alone", `[1,2,3,4] [[1,2,3,4],[5,6,7,8]] {"a": [1,2,3,4]} (1,2),(3,4) "bbox" 1 2 3 4`, ""},
		{"a box that is a word", `{"box": "red", "location": "left", "area": 1200, "position": "1"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, found(c.text)) })
	}
}
