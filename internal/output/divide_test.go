package output

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Kimi-VL's marks, whose characters are cut too.
func TestDivide(t *testing.T) {
	marks := Marks{Open: "◁think▷", Close: "◁/think▷", Usual: true}
	text := "◁think▷ The cup. ◁/think▷\nLeft."
	reasoning, answer := Divide(marks, "assistant<|im_middle|>", strings.Split(text, "")...)
	require.Equal(t, " The cup. ", reasoning)
	require.Equal(t, "Left.", answer)
	reasoning, answer = Divide(marks, "", text[:2], text[2:30], text[30:])
	require.Equal(t, " The cup. ", reasoning)
	require.Equal(t, "Left.", answer)
	reasoning, answer = Divide(marks, "")
	require.Empty(t, reasoning+answer)
}

func FuzzDivide(f *testing.F) {
	f.Add("assistant\n", "abc\n</think>\n\nanswer", true, uint8(1))
	f.Add("assistant\n<think>\n", "<think>a <tool_call>\n<function=f></think>b", false, uint8(3))
	f.Add("", "<think>\n\n<tool_call>{ <|tool_calls_section_begin|>", true, uint8(2))
	f.Fuzz(func(t *testing.T, prompt, text string, usual bool, step uint8) {
		marks := Marks{Open: "<think>", Close: "</think>", Usual: usual}
		reasoning, answer := Divide(marks, prompt, text)
		if len(reasoning)+len(answer) > len(text) {
			t.Fatalf("%q and %q of %q", reasoning, answer, text)
		}
		var pieces []string
		for rest, n := text, int(step)%9+1; rest != ""; rest = rest[min(n, len(rest)):] {
			pieces = append(pieces, rest[:min(n, len(rest))])
		}
		r, a := Divide(marks, prompt, pieces...)
		if r != reasoning || a != answer {
			t.Fatalf("%q, %q in pieces; %q, %q whole", r, a, reasoning, answer)
		}
	})
}
