package chat

// What the reference passes over in silence, and Check does not.

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The variables of a renderer in Go are those that its template reads.
func TestKnownVariables(t *testing.T) {
	for _, name := range []string{"qwen2-vl", "qwen2.5-vl", "qwen3-vl", "qwen3.5", "kimi-vl"} {
		src := readTemplate(t, name)
		known, err := New(src, Options{})
		require.NoError(t, err)
		foreign, err := New(src, Options{Jinja: true})
		require.NoError(t, err)
		require.Equal(t, known.(*renderer).vars, foreign.(*jinjaTemplate).vars, name)
	}
}

// Which variables a template reads that it may not have set itself.
func TestFreeVariables(t *testing.T) {
	tokens := map[string]string{"bos_token": "<s>"}
	for src, want := range map[string][]string{
		"{{ x }}": {"x"},
		"{{ messages }}{{ tools }}{{ add_generation_prompt }}{{ bos_token }}": nil,
		"{% set x = 1 %}{{ x }}":                                                      nil,
		"{% set x = x | default(1) %}":                                                {"x"},
		"{% if not x is defined %}{% set x = 1 %}{% endif %}":                         {"x"},
		"{% if 1 %}{% set x = 1 %}{{ x }}{% else %}{{ y }}{% endif %}":                {"y"},
		"{% if 1 %}{% set x = 1 %}{% elif 2 %}{{ x }}{% endif %}":                     {"x"},
		"{% if 1 %}{% set x = 1 %}{% endif %}{{ x }}":                                 {"x"},
		"{% for m in messages %}{{ m }}{{ loop.index }}{% endfor %}{{ m }}":           {"m"},
		"{% for m in messages if m.role == r %}{% endfor %}":                          {"r"},
		"{% for k, v in d.items() %}{{ k }}{{ v }}{% else %}{{ v }}{% endfor %}":      {"d", "v"},
		"{% macro f(a, b=1) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(d) }}":          {"c", "d"},
		"{% set ns = namespace(a=x) %}{% set ns.a = y %}{{ ns.z }}{{ ns['w'] }}":      {"x", "y"},
		"{% set x %}{{ y }}{% endset %}{{ x }}":                                       {"y"},
		"{{ raise_exception('x') }}{% set r = range %}{{ strftime_now }}{{ joiner }}": nil,
		"{{ 'x' if a else b }}{{ c[d:e] | default(f) }}{{ {g: [h]} }}":                {"a", "b", "c", "d", "e", "f", "g", "h"},
	} {
		got, err := New(src, Options{Tokens: tokens})
		require.NoError(t, err, src)
		require.Equal(t, want, got.(*jinjaTemplate).vars, src)
	}
}

func TestCheck(t *testing.T) {
	const (
		turns   = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% endfor %}"
		dropper = "{% for m in messages %}{% if m.role != 'system' or loop.first %}{{ m.content }}{% endif %}{% endfor %}"
		picky   = "{% for m in messages %}{% if m.role in ['developer', 'user'] %}{{ m.content | trim }}{% endif %}{% endfor %}"
		hoister = "{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}" +
			"{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"
		folder = "{% set s = '' %}{% if messages[0].role == 'system' %}{% set s = messages[0].content %}{% endif %}" +
			"{% for m in messages if m.role != 'system' %}{% if loop.first %}{{ s }}{% endif %}{{ m.content }}{% endfor %}"
		json_  = "{{ messages | tojson }}"
		lister = "{% for i in range(3) %}{{ aa }}{{ bb }}{% endfor %}" + turns
	)
	say := func(role, text string) Message {
		return Message{Role: role, HasStringContent: true, Content: []Part{{Text: text}}}
	}
	vars := func(name string, v any) Request {
		return Request{Messages: user("x"), Vars: map[string]any{name: v}}
	}
	for name, c := range map[string]struct {
		template string
		req      Request
		field    string // "": nothing wrong
		problem  string
	}{
		"known variable":      {"qwen3.5", vars("enable_thinking", false), "", ""},
		"misspelt variable":   {"qwen3.5", vars("enable_thinkng", false), `Template["enable_thinkng"]`, "reads add_vision_id, enable_thinking"},
		"another's variable":  {"qwen2-vl", vars("enable_thinking", false), `Template["enable_thinking"]`, "reads add_vision_id"},
		"no variables":        {"kimi-vl", vars("add_vision_id", true), `Template["add_vision_id"]`, "no variables"},
		"library's variable":  {"kimi-vl", vars(libraryVar, true), "", ""},
		"long name":           {"kimi-vl", vars(string(make([]byte, 1<<20)), 1), `Template["` + zeros(40) + `"]`, ""},
		"request's variable":  {"qwen2-vl", vars("messages", 1), `Template["messages"]`, "by the request"},
		"value of Go":         {"qwen2-vl", vars("add_vision_id", struct{}{}), `Template["add_vision_id"]`, "struct {}"},
		"float32":             {"qwen2-vl", vars("add_vision_id", float32(1)), `Template["add_vision_id"]`, "float32"},
		"NaN":                 {"qwen2-vl", vars("add_vision_id", math.NaN()), "", ""},
		"broken JSON":         {"qwen2-vl", vars("add_vision_id", json.RawMessage("{")), `Template["add_vision_id"]`, ""},
		"foreign":             {lister, vars("bb", 1), "", ""},
		"foreign, misspelt":   {lister, vars("bbb", 1), `Template["bbb"]`, "reads aa, bb"},
		"foreign token":       {lister, vars("bos_token", "x"), `Template["bos_token"]`, "by the checkpoint"},
		"foreign function":    {lister, vars("range", 1), `Template["range"]`, "unknown"},
		"unknown role":        {"qwen2-vl", Request{Messages: []Message{say("critic", "x")}}, "Messages[0].Role", "not one of system, user, assistant, tool"},
		"empty role":          {"kimi-vl", Request{Messages: append(user("x"), say("", "x"))}, "Messages[1].Role", "unknown"},
		"tool without place":  {"qwen2-vl", Request{Messages: append(user("x"), say("tool", "x"))}, "Messages[1].Role", "no tools"},
		"late system":         {"qwen3-vl", Request{Messages: append(user("x"), say("system", "x"))}, "Messages[1].Role", "first"},
		"late system 3.5":     {"qwen3.5", Request{Messages: append(user("x"), say("system", "x"))}, "Messages[1].Role", "first"},
		"foreign system":      {dropper, Request{Messages: append([]Message{say("system", "s")}, user("x")...)}, "", ""},
		"foreign late system": {dropper, Request{Messages: append(user("x"), say("system", " s "))}, "Messages[1].Role", "leaves out this system"},
		"foreign blank":       {dropper, Request{Messages: append(user("x"), say("system", " "))}, "", ""},
		"foreign tool":        {turns, Request{Messages: append(user("x"), say("tool", "t"))}, "", ""},
		"foreign tool lost":   {picky, Request{Messages: append(user("x"), say("tool", "t"))}, "Messages[1].Role", "leaves out this tool"},
		"foreign developer":   {picky, Request{Messages: append(user("x"), say("developer", " d "))}, "", ""},
		"foreign, not named":  {turns, Request{Messages: append(user("x"), say("developer", "d"))}, "Messages[1].Role", "unknown"},
		"foreign hoisted":     {hoister, Request{Messages: append(user("x"), say("system", "s"))}, "Messages[1].Role", "another place"},
		"foreign hoisted 2":   {hoister, Request{Messages: append(user("x"), say("assistant", "a"), say("system", "s"))}, "Messages[2].Role", "another place"},
		"foreign first":       {hoister, Request{Messages: append([]Message{say("system", "s")}, user("x")...)}, "", ""},
		"foreign folded":      {folder, Request{Messages: append([]Message{say("system", "s")}, user("x")...)}, "", ""},
		"foreign folded late": {folder, Request{Messages: append(user("x"), say("system", "s"))}, "Messages[1].Role", "leaves out"},
		"foreign JSON":        {json_, Request{Messages: append(user("x"), say("system", "\"s\""))}, "", ""},
		"foreign two texts": {dropper, Request{Messages: append(user("x"),
			Message{Role: "system", Content: []Part{{Text: "a"}, {Text: "b"}}})}, "Messages[1].Role", "leaves out"},
	} {
		t.Run(name, func(t *testing.T) {
			src := c.template
			if len(src) < 20 {
				src = readTemplate(t, src)
			}
			tmpl, err := New(src, Options{Specials: testSpecials, Tokens: map[string]string{"bos_token": "<s>"}})
			require.NoError(t, err)
			before, err := json.Marshal(c.req.Messages)
			require.NoError(t, err)
			_, err = tmpl.Render(c.req)
			if err == nil {
				err = tmpl.Check(c.req)
			}
			after, _ := json.Marshal(c.req.Messages)
			require.Equal(t, before, after, "the caller's messages are unchanged")
			if c.field == "" {
				require.NoError(t, err)
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.field, e.Field)
			require.ErrorContains(t, err, c.problem)
		})
	}
}

func zeros(n int) string {
	s := ""
	for range n {
		s += `\x00`
	}
	return s
}

// The truth of a variable is that of its JSON, however it is given.
func TestTruth(t *testing.T) {
	for text, want := range map[string]bool{
		"null": false, "false": false, "true": true, "0": false, "0.0": false, "1e400": true, "-1": true,
		`""`: false, `"x"`: true, "[]": false, "[0]": true, "{}": false, `{"a":0}`: true,
	} {
		require.Equal(t, want, truthy(json.RawMessage(text)), text)
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			require.Equal(t, want, truthy(v), text)
		}
	}
	require.False(t, truthy(json.Number("0")))
	require.True(t, truthy(json.Number("2")))
	for _, v := range []any{false, json.RawMessage(" false ")} {
		require.True(t, isFalse(v))
	}
	for _, v := range []any{true, nil, 0, "false", json.RawMessage("0"), json.RawMessage("{")} {
		require.False(t, isFalse(v))
	}
}
