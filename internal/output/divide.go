package output

// Divide is a Parser for text that comes from elsewhere than a model of this library.

// Divide returns what of an answer is reasoning and what is not. The answer comes in pieces, which
// do not change the result; marks and prompt are those of [New].
func Divide(marks Marks, prompt string, pieces ...string) (reasoning, answer string) {
	p := New(nil, nil, marks, prompt)
	for _, text := range pieces {
		r, a := p.Add(text, false)
		reasoning, answer = reasoning+r, answer+a
	}
	r, a := p.Add("", true)
	return reasoning + r, answer + a
}
