package main

// Two results side by side.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// tie is a distance of two scores below which engines may order them differently.
const tie = 1e-3

func compareFiles(a, b string, stdout, stderr io.Writer) int {
	left, err := readResult(a)
	var right *result
	if err == nil {
		right, err = readResult(b)
	}
	if err == nil && left.Verify != right.Verify {
		err = fmt.Errorf("versions %d and %d of the questions", left.Verify, right.Verify)
	}
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return 1
	}
	for _, r := range []*result{left, right} {
		fmt.Fprintf(stdout, "%s, %s, %s, config %s\n", r.Engine, r.ModelType, r.Format, r.Config)
	}
	equal, near, different := 0, 0, 0
	for _, q := range left.Questions {
		i := slices.IndexFunc(right.Questions, func(a answer) bool { return a.Name == q.Name })
		if i < 0 {
			fmt.Fprintf(stdout, "%s: only in %s\n", q.Name, a)
			different++
			continue
		}
		switch why, close := q.differs(&right.Questions[i]); {
		case why == "":
			equal++
		case close:
			near++
			fmt.Fprintf(stdout, "%s: close: %s\n", q.Name, why)
		default:
			different++
			fmt.Fprintf(stdout, "%s: %s\n", q.Name, why)
		}
	}
	if n := len(right.Questions) - len(left.Questions); n > 0 {
		fmt.Fprintf(stdout, "%d questions only in %s\n", n, b)
		different += n
	}
	fmt.Fprintf(stdout, "verify: %d equal, %d close, %d different\n", equal, near, different)
	if different > 0 || equal+near == 0 {
		return 1
	}
	return 0
}

// differs says what first differs, and whether a tie may explain it.
func (a *answer) differs(b *answer) (why string, close bool) {
	switch gap := min(a.Gap, b.Gap); {
	case a.PromptTokens != b.PromptTokens || a.Prompt != b.Prompt:
		return fmt.Sprintf("prompts of %d and %d tokens, %s and %s", a.PromptTokens, b.PromptTokens,
			a.Prompt, b.Prompt), false
	case !slices.Equal(a.Grids, b.Grids):
		return fmt.Sprintf("grids %v and %v", a.Grids, b.Grids), false
	case !slices.Equal(a.IDs, b.IDs):
		return fmt.Sprintf("answers %v and %v, gap %g", a.IDs, b.IDs, gap), gap < tie
	case a.Top != b.Top:
		return fmt.Sprintf("order of the best tokens, gap %g; first step %v and %v", gap, a.First,
			b.First), gap < tie
	}
	return "", false
}

func readResult(path string) (*result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &result{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Verify == 0 {
		return nil, fmt.Errorf("%s: not a result of verify", path)
	}
	return r, nil
}
