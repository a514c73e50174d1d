package output

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/tokenizer"
)

var think = Marks{Open: "<think>", Close: "</think>"}

// parse gives out a text in pieces of step bytes.
func parse(stops []string, marks Marks, prompt, text string, step int) (
	reasoning, answer string, phase Phase,
) {
	p := New(nil, stops, marks, prompt)
	for {
		n := min(step, len(text))
		r, a := p.Add(text[:n], n == len(text))
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
		{"opened twice", "<think>\n", "\n<think>\n<think>a <think> b</think>c", "a <think> b", "c"},
		{"a second thought", "x", "<think>a</think>\n<think>b</think>", "a", "<think>b</think>"},
		{"switched off and thinking", "<think>\n\n</think>\n\n", "<think>a</think>b", "a", "b"},
		{"switched off and closing", "<think>\n\n</think>\n\n", "a</think>b", "", "a</think>b"},
		{"closed but not opened", "x", "a</think>b", "", "a</think>b"},
		{"a call ends it", "<think>\n", "a\n<tool_call>\n{}\n</tool_call>", "a", "<tool_call>\n{}\n</tool_call>"},
		{"a call in XML", "x", "<think>\na\n<tool_call> <function=f></function>", "a", "<tool_call> <function=f></function>"},
		{"a call at once", "<think>\n", "<tool_call>{}", "", "<tool_call>{}"},
		{"a section of calls", "<think>", "a<|tool_calls_section_begin|>b", "a", "<|tool_calls_section_begin|>b"},
		{"a call talked about", "<think>\n", "a <tool_call>{}</tool_call> no\n</think>\nb<tool_call>{}", "a <tool_call>{}</tool_call> no", "b<tool_call>{}"},
		{"a call named", "<think>", "the <tool_call> mark, <tool_call>\n<fun", "the <tool_call> mark, <tool_call>\n<fun", ""},
		{"named, then made", "<think>", "<tool_call> is <tool_call>{}", "<tool_call> is ", "<tool_call>{}"},
		{"a call in the answer", "x", "<think>a</think>b <tool_call>{} </think>", "a", "b <tool_call>{} </think>"},
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
	reasoning, answer, _ := parse(nil, Marks{}, "<think>", "<think>a</think>", 100)
	require.Empty(t, reasoning)
	require.Equal(t, "<think>a</think>", answer, "a model without marks")
}

// A prompt may end within the message that the answer goes on with.
func TestAContinuedMessage(t *testing.T) {
	for _, c := range []struct{ prompt, output, reasoning, answer string }{
		{"what is <think>?\nassistant\n", "\nit is", "", "\nit is"},
		{"assistant\n<think>\nSo", "\nit is</think>\nB", "\nit is", "B"},
		{"assistant\n<think>\nSo</think>\n\nIt", "\nis <think>", "", "\nis <think>"},
		{"<|im_assistant|>assistant<|im_middle|>", "<think>a</think>b", "a", "b"},
		{"assistant\nWell", "<think>a</think>b", "", "<think>a</think>b"},
	} {
		for step := 1; step <= len(c.output); step++ {
			reasoning, answer, _ := parse(nil, think, c.prompt, c.output, step)
			require.Equal(t, c.reasoning, reasoning, "%q in pieces of %d", c.prompt, step)
			require.Equal(t, c.answer, answer, "%q in pieces of %d", c.prompt, step)
		}
	}
}

// A model that usually thinks may have lost its opening mark, unless the prompt says that there is
// no thought; its output waits until that is known, and no longer.
func TestAMissingOpeningMark(t *testing.T) {
	usual := Marks{Open: "◁think▷", Close: "◁/think▷", Usual: true}
	for _, c := range []struct{ name, prompt, output, reasoning, answer string }{
		{"closed", "x", "\nabc\n◁/think▷\n\nyes ◁/think▷", "abc", "yes ◁/think▷"},
		{"closed at once", "x", "◁/think▷yes", "", "yes"},
		{"no mark", "x", "\nabc ◁think▷\n", "", "\nabc ◁think▷\n"},
		{"a mark cut off", "x", "abc ◁/thi", "", "abc ◁/thi"},
		{"both marks", "x", "◁think▷a◁/think▷b", "a", "b"},
		{"a call before it", "x", "a <tool_call>{} b◁/think▷c", "a <tool_call>{} b", "c"},
		{"a call without a mark", "x", "a <tool_call>{}", "", "a <tool_call>{}"},
		{"switched off", "◁think▷\n◁/think▷\n", "a◁/think▷b", "", "a◁/think▷b"},
	} {
		for step := 1; step <= len(c.output); step++ {
			reasoning, answer, _ := parse(nil, usual, c.prompt, c.output, step)
			require.Equal(t, c.reasoning, reasoning, "%s in pieces of %d", c.name, step)
			require.Equal(t, c.answer, answer, "%s in pieces of %d", c.name, step)
		}
	}
	pieces := func(prompt, text string) (n int) {
		p := New(nil, nil, usual, prompt)
		for _, c := range text {
			if r, a := p.Add(string(c), false); r+a != "" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 0, pieces("x", "abc"))
	require.Equal(t, 3, pieces("x", "◁think▷abc"))
	require.Equal(t, 3, pieces("◁think▷", "abc"))
	require.Equal(t, 3, pieces("◁think▷◁/think▷\n", "abc"), "nothing waits where it is known")
}

// Of text that is held back only an end is looked at again, however long it waits: so the time is
// linear in the answer.
func TestHeldTextIsLookedAtOnce(t *testing.T) {
	const stop = "STOP"
	marks := Marks{Open: "<think>", Close: "</think>", Usual: true}
	for _, prompt := range []string{"", "<think>"} {
		for _, text := range []string{"a", "<tool_call>{", "<tool_call>", "\n", " <tool_call>\n\n\n\n", "</think", "STO"} {
			p := New(nil, []string{stop}, marks, prompt)
			held := 0
			for range 5000 {
				p.Add(text, false)
				held = max(held, len(p.held))
				require.Less(t, len(p.held)-p.scanned, len(stop)+len(text), text)
				if p.phase == Answer {
					break
				}
				require.Less(t, len(p.held)-p.from, maxBlanks+20, text)
				if p.phase == Reasoning && !p.call.found {
					require.Less(t, len(p.held)-p.call.from, maxBlanks+20, text)
				}
			}
			if prompt == "" || strings.HasPrefix(text, "<tool_call>{") {
				require.GreaterOrEqual(t, held, 5000, text) // else nothing was seen here
			}
		}
	}
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
		"<tool_call>", "{", "<function", "<tool_", "<|tool_calls_section_begin|>",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range rng.IntN(9) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		text, prompt := b.String(), parts[rng.IntN(len(parts))]
		stops := [][]string{nil, {"STOP"}, {"\n\n", "OP<"}, {"</think>a"}}[rng.IntN(4)]
		marks := think
		marks.Usual = rng.IntN(2) == 0
		r, a, _ := parse(stops, marks, prompt, text, len(text)+1)
		r1, a1, _ := parse(stops, marks, prompt, text, 1+rng.IntN(4))
		require.Equal(t, r, r1, "%q after %q with %q", text, prompt, stops)
		require.Equal(t, a, a1, "%q after %q with %q", text, prompt, stops)
	}
	p := New(nil, []string{"STOP"}, think, "")
	var held int
	for i, c := range strings.Repeat("xSTO-", 100) {
		_, a := p.Add(string(c), false)
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
		p.Add(text, false)
		phases = append(phases, p.Phase())
	}
	require.Equal(t, []Phase{
		Undecided, Undecided, Reasoning, Reasoning, Reasoning, Reasoning,
		Answer, Answer, Answer, Answer, Done,
	}, phases)
	require.Equal(t, Answer, New(nil, nil, Marks{}, "").Phase())
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
