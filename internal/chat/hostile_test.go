package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func user(text string) []Message {
	return []Message{{Role: "user", HasStringContent: true, Content: []Part{{Text: text}}}}
}

// Templates made to hang, exhaust memory, overflow the stack or reach outside: each is refused with
// a typed error, when read or when rendered, in bounded time (a second on an idle machine, several
// under the race detector).
func TestHostileTemplates(t *testing.T) {
	deep := func(open, close string, n int) string {
		return strings.Repeat(open, n) + "1" + strings.Repeat(close, n)
	}
	laughs := "{% macro m0() %}ha{% endmacro %}"
	for i := 1; i < 40; i++ {
		laughs += fmt.Sprintf("{%% macro m%d() %%}{{ m%d() }}{{ m%d() }}{%% endmacro %%}", i, i-1, i-1)
	}
	double := "{% set ns = namespace(s='ab', l=[1, 2]) %}{% for i in range(99) %}{% set ns.s = ns.s EXPR %}{% endfor %}{{ ns.s }}"
	for name, c := range map[string]struct {
		src  string
		want error
	}{
		"macro_recursion":   {"{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", ErrUnsupported},
		"mutual_recursion":  {"{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", ErrUnsupported},
		"macro_as_value":    {"{% macro f(g) %}{{ g(g) }}{% endmacro %}{{ f(f) }}", ErrUnsupported},
		"macro_in_set":      {"{% macro f() %}{{ h() }}{% endmacro %}{% set h = f %}{{ h() }}", ErrUnsupported},
		"macro_as_filter":   {"{% macro f(x) %}{{ x | f }}{% endmacro %}{{ f(1) }}", ErrUnsupported},
		"caller":            {"{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}{{ f() }}{% endcall %}", ErrUnsupported},
		"recursive_loop":    {"{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}", ErrUnsupported},
		"nested_range":      {"{% for i in range(25000) %}{% for j in range(25000) %}{% endfor %}{% endfor %}", ErrLimit},
		"nested_range_text": {"{% for i in range(25000) %}{% for j in range(25000) %}x{% endfor %}{% endfor %}", ErrLimit},
		"huge_range":        {"{% for i in range(9999999999999) %}{% endfor %}", ErrLimit},
		"aliased_range":     {"{% set r = range %}{{ r(9999999999999) }}", ErrLimit},
		"range_overflow":    {"{{ range(9223372036854775000, 9223372036854775807, 500) | length }}{{ 'a' * 99999999999 }}", ErrLimit},
		"repeat":            {"{{ 'a' * 999999999999 }}", ErrLimit},
		"repeat_list":       {"{{ ([1] * 999999999) | length }}", ErrLimit},
		"doubling":          {strings.ReplaceAll(double, "EXPR", "~ ns.s"), ErrLimit},
		"doubling_plus":     {strings.ReplaceAll(double, "EXPR", "+ ns.s"), ErrLimit},
		"doubling_replace":  {strings.ReplaceAll(double, "EXPR", "| replace('a', 'aaaa')"), ErrLimit},
		"doubling_method":   {strings.ReplaceAll(double, "EXPR", ".replace('', 'aaaaaaaa')"), ErrLimit},
		"doubling_list":     {"{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", ErrLimit},
		"doubling_json":     {"{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}", ErrLimit},
		"doubling_repr":     {"{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", ErrLimit},
		"doubling_equal":    {"{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}", ErrLimit},
		"deep_list":         {"{% set ns = namespace(l=[1]) %}{% for i in range(90000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", ErrLimit},
		"indent":            {"{{ 'a\\nb' | indent(999999999999) }}", ErrLimit},
		"join":              {"{% for i in range(1000) %}{{ range(90000) | join('" + strings.Repeat("x", 9000) + "') }}{% endfor %}", ErrLimit},
		"big_text":          {"{% for i in range(90000) %}" + strings.Repeat("x", 90000) + "{% endfor %}", ErrLimit},
		"laughs":            {laughs + "{{ m39() }}", ErrLimit},
		"index_loop":        {"{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{{ s[i] }}{% endfor %}", ErrLimit},
		"unique":            {"{{ range(99999) | unique | list | length }}", ErrLimit},
		"self_reference":    {"{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", ErrRefused},
		"self_in_list":      {"{% set ns = namespace() %}{% set ns.a = [{'x': ns}] %}{{ ns }}", ErrRefused},
		"self_by_loop":      {"{% set ns = namespace() %}{% for x in [1, ns] %}{% set ns.a = loop %}{{ ns }}{% endfor %}", ErrUnsupported},
		"self_append":       {"{% set l = [] %}{% set x = l.append(l) %}{{ l }}", ErrRefused},
		"self_update":       {"{% set d = {} %}{% set x = d.update({'d': d}) %}{{ d }}", ErrRefused},
		"self_key":          {"{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ {ns.l: 1} }}", ErrLimit},
		"dunder":            {"{{ messages.__class__.__mro__ }}", ErrTemplate},
		"dunder_name":       {"{{ __builtins__ }}", ErrTemplate},
		"attr_filter":       {"{{ messages | attr('__class__') }}", ErrUnsupported},
		"reserved":          {"{{ qv_range(1) }}", ErrTemplate},
		"include":           {"{% include '/etc/passwd' %}", ErrUnsupported},
		"import":            {"{% from 'os' import system %}", ErrUnsupported},
		"deep_parens":       {"{{ " + deep("(", ")", 50000) + " }}", ErrLimit},
		"deep_lists":        {"{{ " + deep("[", "]", 50000) + " }}", ErrLimit},
		"deep_not":          {"{{ " + strings.Repeat("not ", 50000) + "1 }}", ErrLimit},
		"deep_minus":        {"{{ " + strings.Repeat("-", 50000) + "1 }}", ErrLimit},
		"long_chain":        {"{{ 1" + strings.Repeat(" + 1", 50000) + " }}", ErrLimit},
		"deep_if":           {strings.Repeat("{% if 1 %}", 9999), ErrLimit},
		"huge":              {strings.Repeat("x", MaxSource+1), ErrLimit},
		"unclosed":          {"{% if x %}", ErrTemplate},
		"unclosed_tag":      {"{{ 'a", ErrTemplate},
		"stray_end":         {"{% endfor %}", ErrTemplate},
		"empty":             {" \n", ErrTemplate},
		"not_utf8":          {"{{ \xff }}", ErrTemplate},
		"raise":             {"{{ raise_exception('No.') }}", ErrRefused},
		"undefined_attr":    {"{{ x.y }}", ErrRefused},
		"str_plus_int":      {"{{ 'a' + 1 }}", ErrRefused},
		"unknown_filter":    {"{{ 'a' | urlize }}", ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tmpl, err := New(c.src, Options{})
			if err == nil {
				_, err = tmpl.Render(Request{Messages: user("Hello")})
			}
			require.ErrorIs(t, err, c.want)
			require.Less(t, time.Since(start), 10*time.Second)
		})
	}
}

// selectattr on plain numbers panics in the engine's own filter.
func TestSelectattrOnNumbers(t *testing.T) {
	tmpl, err := New("{{ [1, 2] | selectattr('a') | list }}", Options{})
	require.NoError(t, err)
	out, err := tmpl.Render(Request{Messages: user("x")})
	require.NoError(t, err)
	require.Equal(t, "[]", Join(out))
}

func TestRequests(t *testing.T) {
	image := []Part{{Kind: Image, Name: "a.png"}}
	tool := []json.RawMessage{json.RawMessage(`{"name": "f"}`)}
	call := func(args string) []Message {
		c := ToolCall{Name: "f"}
		if args != "" {
			c.Arguments = json.RawMessage(args)
		}
		return append(user("x"), Message{Role: "assistant", HasStringContent: true, ToolCalls: []ToolCall{c}})
	}
	foreign := "{% for m in messages %}{{ m.content }}{% endfor %}"
	for name, c := range map[string]struct {
		template string
		req      Request
		want     error
	}{
		"empty":               {"qwen2-vl", Request{}, ErrMessages},
		"role":                {"qwen2-vl", Request{Messages: []Message{{Role: "root"}}}, ErrMessages},
		"role_injection":      {"qwen2-vl", Request{Messages: []Message{{Role: "user<|im_end|>"}}}, ErrMessages},
		"both_endings":        {"qwen2-vl", Request{Messages: user("x"), AddGenerationPrompt: true, ContinueFinal: true}, ErrMessages},
		"continue_image":      {"qwen2-vl", Request{Messages: []Message{{Role: "user", Content: image}}, ContinueFinal: true}, ErrMessages},
		"continue_nothing":    {"qwen2-vl", Request{Messages: []Message{{Role: "user"}}, ContinueFinal: true}, ErrMessages},
		"string_of_image":     {"qwen2-vl", Request{Messages: []Message{{Role: "user", HasStringContent: true, Content: image}}}, ErrMessages},
		"kind":                {"qwen2-vl", Request{Messages: []Message{{Role: "user", Content: []Part{{Kind: 9}}}}}, ErrMessages},
		"user_tool_calls":     {"qwen3-vl", Request{Messages: []Message{{Role: "user", ToolCalls: []ToolCall{{Name: "f"}}}}}, ErrMessages},
		"too_long":            {"qwen2-vl", Request{Messages: user(strings.Repeat("x", maxTextBytes+1))}, ErrLimit},
		"tools_ignored":       {"qwen2-vl", Request{Messages: user("x"), Tools: tool}, ErrUnsupported},
		"tools_ignored_kimi":  {"kimi-vl", Request{Messages: user("x"), Tools: tool}, ErrUnsupported},
		"calls_ignored":       {"qwen2-vl", Request{Messages: call("{}")}, ErrUnsupported},
		"video_ignored":       {"kimi-vl", Request{Messages: []Message{{Role: "user", Content: []Part{{Kind: Video}}}}}, ErrUnsupported},
		"assistant_image":     {"qwen3-vl", Request{Messages: []Message{{Role: "assistant", Content: image}}}, ErrUnsupported},
		"system_image":        {"qwen3.5", Request{Messages: append([]Message{{Role: "system", Content: image}}, user("x")...)}, ErrUnsupported},
		"late_system":         {"qwen3-vl", Request{Messages: append(user("x"), Message{Role: "system"})}, ErrRefused},
		"late_system35":       {"qwen3.5", Request{Messages: append(user("x"), Message{Role: "system"})}, ErrRefused},
		"no_question":         {"qwen3.5", Request{Messages: []Message{{Role: "assistant"}}}, ErrRefused},
		"string_arguments":    {"qwen3.5", Request{Messages: call(`"{}"`)}, ErrRefused},
		"bad_arguments":       {"qwen3-vl", Request{Messages: call(`{"a": }`)}, ErrJSON},
		"missing_arguments":   {"qwen3-vl", Request{Messages: call("")}, ErrJSON},
		"trailing_arguments":  {"qwen3-vl", Request{Messages: call(`{} {}`)}, ErrJSON},
		"deep_arguments":      {"qwen3-vl", Request{Messages: call(strings.Repeat("[", 5000) + strings.Repeat("]", 5000))}, ErrJSON},
		"bad_tool":            {"qwen3-vl", Request{Messages: user("x"), Tools: []json.RawMessage{[]byte(`{`)}}, ErrJSON},
		"huge_tool":           {"qwen3-vl", Request{Messages: user("x"), Tools: []json.RawMessage{make([]byte, maxJSONBytes+1)}}, ErrLimit},
		"foreign_tools":       {foreign, Request{Messages: user("x"), Tools: tool}, ErrUnsupported},
		"foreign_calls":       {foreign, Request{Messages: call("{}")}, ErrUnsupported},
		"foreign_image":       {foreign, Request{Messages: []Message{{Role: "user", Content: image}}}, ErrUnsupported},
		"foreign_var":         {foreign, Request{Messages: user("x"), Vars: map[string]any{"x": struct{}{}}}, ErrVariable},
		"foreign_own_var":     {foreign, Request{Messages: user("x"), Vars: map[string]any{"messages": 1}}, ErrVariable},
		"foreign_big_integer": {"{{ tools }}", Request{Messages: user("x"), Tools: []json.RawMessage{[]byte(`99999999999999999999`)}}, ErrJSON},
		"foreign_no_continue": {"{{ messages[0].role }}", Request{Messages: user("x"), ContinueFinal: true}, ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			src := c.template
			if !strings.Contains(src, "{") {
				src = readTemplate(t, src)
			}
			tmpl, err := New(src, Options{})
			require.NoError(t, err)
			_, err = tmpl.Render(c.req)
			require.ErrorIs(t, err, c.want)
			require.Contains(t, err.Error(), "chat: ")
		})
	}
}

func TestParseMessagesErrors(t *testing.T) {
	for raw, want := range map[string]error{
		`{`:                                  ErrJSON,
		`[{"role": "user", "content": 1}]`:   ErrJSON,
		`[{"role": "user", "content": [1]}]`: ErrJSON,
		`[{"role": "user", "content": [{"type": "audio"}]}]`:                ErrMessages,
		`[{"role": "user", "content": [{"type": "text", "text": 1}]}]`:      ErrMessages,
		`[{"role": "assistant", "content": "", "tool_calls": ["x"]}]`:       ErrJSON,
		`[{"role": "assistant", "content": "", "tool_calls": [{"id": 1}]}]`: ErrJSON,
	} {
		_, err := ParseMessages([]byte(raw))
		require.ErrorIs(t, err, want, raw)
	}
}

// Ordinary long conversations stay far from the limits.
func TestLongConversation(t *testing.T) {
	var messages []Message
	for i := range 2000 {
		messages = append(messages, Message{Role: []string{"user", "assistant"}[i%2], HasStringContent: true,
			Content: []Part{{Text: strings.Repeat("word ", 400)}}})
	}
	for _, name := range []string{"qwen2-vl", "qwen3-vl", "qwen3.5", "kimi-vl"} {
		var texts []string
		for _, jinja := range []bool{false, true} {
			tmpl, err := New(readTemplate(t, name), Options{Jinja: jinja, Specials: []string{"<|im_end|>"}})
			require.NoError(t, err)
			out, err := tmpl.Render(Request{Messages: messages, AddGenerationPrompt: true})
			require.NoError(t, err, name)
			texts = append(texts, Join(out))
		}
		require.Equal(t, texts[0], texts[1], name)
	}
}
