package qwenvl

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThinkingSplitsReasoningFromAnswer(t *testing.T) {
	marks := [2]string{"<think>", "</think>"}
	for _, c := range []struct{ name, prompt, output, reasoning, answer string }{
		{"begun by the prompt", "assistant\n<think>\n", "a\nb\n</think>\n\nYes.", "a\nb", "Yes."},
		{"begun by the model", "assistant\n", "<think>\nhm\n</think>\n\nNo.\n", "hm", "No.\n"},
		{"closed by the prompt", "<think>\n\n</think>\n\n", "Plain.", "", "Plain."},
		{"none", "assistant\n", "  Plain <think> text", "", "  Plain <think> text"},
		{"never closed", "<think>\n", "on and on\n", "on and on\n", ""},
		{"closed at once", "<think>\n", "</think>A", "", "A"},
		{"a mark's beginning", "<think>\n", "x </thin y</think>z", "x </thin y", "z"},
		{"blank lines inside", "<think>\n", "a\n\nb</think>\nc\n\nd", "a\n\nb", "c\n\nd"},
		{"empty", "x", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for step := 1; step <= len(c.output)+1; step++ {
				s := newThinking(marks, c.prompt)
				var reasoning, answer strings.Builder
				for rest := c.output; ; {
					n := min(step, len(rest))
					r, a := s.push(rest[:n], n == len(rest))
					reasoning.WriteString(r)
					answer.WriteString(a)
					if rest = rest[n:]; rest == "" {
						break
					}
				}
				require.Equal(t, c.reasoning, reasoning.String(), "in pieces of %d", step)
				require.Equal(t, c.answer, answer.String(), "in pieces of %d", step)
			}
		})
	}
}

func TestModelsThatDoNotThink(t *testing.T) {
	s := newThinking([2]string{}, "<think>")
	reasoning, answer := s.push("<think>a</think>", false)
	require.Empty(t, reasoning)
	require.Equal(t, "<think>a</think>", answer)
}
