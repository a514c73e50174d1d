package main

// The evaluation: rows of questions, answered greedily, and counted by task.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/qwenvl/qwenvl"
)

// row is a question with its answers.
type row struct {
	Image     string  `json:"image"`
	Task      string  `json:"task"`
	Question  string  `json:"question"`
	Answer    string  `json:"answer"`
	Reference string  `json:"reference_output"`
	Margin    float64 `json:"margin"`
}

// closeMargin is the lead of the best token below which rounding may choose another.
const closeMargin = 0.02

func readRows(dir string) ([]row, error) {
	path := filepath.Join(dir, "eval.jsonl")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []row
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for n := 1; in.Scan(); n++ {
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		var r row
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		rows = append(rows, r)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", path)
	}
	return rows, nil
}

// score counts the rows of a task.
type score struct{ correct, same, n int }

func (s *score) add(correct, same bool) {
	s.n++
	if correct {
		s.correct++
	}
	if same {
		s.same++
	}
}

func (s score) String() string {
	return fmt.Sprintf("%d/%d correct, %d/%d as the reference", s.correct, s.n, s.same, s.n)
}

// evaluate asks all questions. A question that cannot be answered counts as wrong and different. It
// reports whether all answers are as the reference's.
func evaluate(ctx context.Context, model, dir string, opts []qwenvl.Option, verbose bool, out, log io.Writer) (bool, error) {
	rows, err := readRows(dir)
	if err != nil {
		return false, err
	}
	m, err := qwenvl.Load(model, opts...)
	if err != nil {
		return false, err
	}
	defer m.Close()
	var total score
	tasks, order := map[string]*score{}, []string{}
	for i, r := range rows {
		resp, err := m.Generate(ctx, qwenvl.Request{
			Messages:  []qwenvl.Message{qwenvl.User(qwenvl.ImageFile(filepath.Join(dir, filepath.FromSlash(r.Image))), qwenvl.Text(r.Question))},
			MaxTokens: 64,
			Sampling:  qwenvl.Greedy(),
		})
		got, right, same := "", false, false
		if err != nil {
			fmt.Fprintf(out, "row %d, %s: %v\n", i+1, r.Task, err)
		} else {
			got = strings.TrimSpace(resp.Text)
			right, same = correct(r, got), got == strings.TrimSpace(r.Reference) || r.Margin < closeMargin
		}
		if tasks[r.Task] == nil {
			tasks[r.Task] = &score{}
			order = append(order, r.Task)
		}
		tasks[r.Task].add(right, same)
		total.add(right, same)
		if verbose && err == nil && !(right && same) {
			fmt.Fprintf(out, "row %d, %s: %q, answer %q, reference %q\n", i+1, r.Task, got, r.Answer, r.Reference)
		}
		if (i+1)%50 == 0 {
			fmt.Fprintf(log, "eval: %d of %d\n", i+1, len(rows))
		}
	}
	for _, t := range order {
		fmt.Fprintf(out, "%s: %v\n", t, *tasks[t])
	}
	fmt.Fprintf(out, "eval: %v\n", total)
	return total.same == total.n, nil
}
