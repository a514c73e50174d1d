package output

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/tokenizer"
)

var think = [2]string{"<think>", "</think>"}

// parse gives out a text in pieces of step bytes.
func parse(stops []string, marks [2]string, prompt, text string, step int) (
	reasoning, answer string, phase Phase,
) {
	p := New(nil, stops, marks, prompt)
	for {
		n := min(step, len(text))
		r, a := p.add(text[:n], n == len(text))
		reasoning, answer = reasoning+r, answer+a
		if text = text[n:]; text == "" || p.phase == Done {
			return reasoning, answer, p.Phase()
		}
	}
}

func TestReasoningIsSplitFromTheAnswer(t *testing.T) {
	for _, c := range []struct{ name, prompt, output, reasoning, answer string }{
		{"begun by the prompt", "assistant\n<think>\n", "a\nb\n</think>\n\nYes.", "a\nb", "Yes."},
		{"begun by the model", "assistant\n", "<think>\nhm\n</think>\n\nNo.\n", "hm", "No.\n"},
		{"closed by the prompt", "<think>\n\n</think>\n\n", "Plain.", "", "Plain."},
		{"none", "assistant\n", "  Plain <think> text", "", "  Plain <think> text"},
		{"never closed", "<think>\n", "on and on\n", "on and on\n", ""},
		{"closed at once", "<think>\n", "</think>A", "", "A"},
		{"a mark's beginning", "<think>\n", "x </thin y</think>z", "x </thin y", "z"},
		{"blank lines inside", "<think>\n", "a\n\nb</think>\nc\n\nd", "a\n\nb", "c\n\nd"},
		{"a mark that is cut off", "x", " <thin", "", " <thin"},
		{"space alone", "x", "\n \n", "", "\n \n"},
		{"empty", "x", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for step := 1; step <= len(c.output)+1; step++ {
				reasoning, answer, phase := parse(nil, think, c.prompt, c.output, step)
				require.Equal(t, c.reasoning, reasoning, "in pieces of %d", step)
				require.Equal(t, c.answer, answer, "in pieces of %d", step)
				require.Equal(t, Done, phase)
			}
		})
	}
	reasoning, answer, _ := parse(nil, [2]string{}, "<think>", "<think>a</think>", 100)
	require.Empty(t, reasoning)
	require.Equal(t, "<think>a</think>", answer, "a model without marks")
}

// Text is cut at the first stop string, in whatever phase, and then divided.
func TestStopStrings(t *testing.T) {
	for _, c := range []struct {
		stops                     []string
		output, reasoning, answer string
	}{
		{[]string{"END"}, "one END two", "", "one "},
		{[]string{"cd", "abcd"}, "xabcd", "", "x"},
		{[]string{"abab"}, "abaabab!", "", "aba"},
		{[]string{"."}, "<think>a.b</think>c", "a", ""},
		{[]string{"</think>\n\nNo"}, "<think>a</think>\n\nNo", "a", ""},
		{[]string{"</thing>"}, "<think>a</think>b</thing>c", "a", "b"},
		{[]string{"XY"}, "ends in X", "", "ends in X"},
	} {
		for step := 1; step <= len(c.output); step++ {
			reasoning, answer, _ := parse(c.stops, think, "", c.output, step)
			require.Equal(t, c.reasoning, reasoning, "%q in pieces of %d", c.output, step)
			require.Equal(t, c.answer, answer, "%q in pieces of %d", c.output, step)
		}
	}
}

// Random texts of marks, stop strings, their parts and newlines come to the same in any pieces,
// and no more is held back than what may begin a stop string.
func TestPiecesDoNotMatter(t *testing.T) {
	parts := []string{
		"<think>", "</think>", "<", "</thi", "think>", "\n", " ", "a", "b\n", "STOP", "STO", "OP", "é",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range rng.IntN(9) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		text, prompt := b.String(), parts[rng.IntN(len(parts))]
		stops := [][]string{nil, {"STOP"}, {"\n\n", "OP<"}, {"</think>a"}}[rng.IntN(4)]
		r, a, _ := parse(stops, think, prompt, text, len(text)+1)
		r1, a1, _ := parse(stops, think, prompt, text, 1+rng.IntN(4))
		require.Equal(t, r, r1, "%q after %q with %q", text, prompt, stops)
		require.Equal(t, a, a1, "%q after %q with %q", text, prompt, stops)
	}
	p := New(nil, []string{"STOP"}, think, "")
	var held int
	for i, c := range strings.Repeat("xSTO-", 100) {
		_, a := p.add(string(c), false)
		held += 1 - len(a)
		require.LessOrEqual(t, held, 3, "at letter %d", i)
	}
}

// The phase is known as soon as the token that ends the one before has come, although text is held
// back.
func TestPhaseAfterEachToken(t *testing.T) {
	p := New(nil, []string{"</think>\n!"}, think, "")
	var phases []Phase
	for _, text := range []string{
		"\n", "<th", "ink>", "\n", "a", "</thi", "nk>", "\n", "?", "</think>", "\n!",
	} {
		p.add(text, false)
		phases = append(phases, p.Phase())
	}
	require.Equal(t, []Phase{
		Undecided, Undecided, Reasoning, Reasoning, Reasoning, Reasoning,
		Answer, Answer, Answer, Answer, Done,
	}, phases)
	require.Equal(t, Answer, New(nil, nil, [2]string{}, "").Phase())
	require.Equal(t, Reasoning, New(nil, nil, think, "<think>\n").Phase())
}

// Tokens become text character by character, and what is cut off in the middle of one comes at the
// end.
func TestTokens(t *testing.T) {
	data, err := os.ReadFile("../../testdata/qwen2_vl-tiny/tokenizer.json")
	require.NoError(t, err)
	tok, err := tokenizer.ParseJSON(data)
	require.NoError(t, err)
	ids := tok.Encode("déjà 图. vu")
	p := New(tok.NewStream(false), []string{". v"}, think, "")
	var pieces []string
	for _, id := range ids {
		_, a := p.Push(id)
		require.Equal(t, strings.ToValidUTF8(a, "?"), a)
		pieces = append(pieces, a)
		if p.Phase() == Done {
			break
		}
	}
	require.Equal(t, "déjà 图", strings.Join(pieces, ""))
	require.Equal(t, Done, p.Phase())

	p = New(tok.NewStream(false), nil, think, "")
	_, a := p.Push(tok.Encode("图")[0])
	_, rest := p.Flush()
	require.Equal(t, "\uFFFD", a+rest)
}
