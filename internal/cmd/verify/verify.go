package main

// Asking the questions, and what is kept of the answers.

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

const (
	version = 1  // of the questions and of what is kept
	steps   = 16 // tokens of an answer
	best    = 4  // tokens of a step that are kept
)

// result is what is printed.
type result struct {
	Verify    int      `json:"verify"` // version
	Engine    string   `json:"engine"`
	ModelType string   `json:"model_type"`
	Config    string   `json:"config"` // hash of config.json
	Format    string   `json:"format"`
	Questions []answer `json:"questions"`
}

// answer is what is kept of a question.
type answer struct {
	Name         string   `json:"name"`
	PromptTokens int      `json:"prompt_tokens"`
	Prompt       string   `json:"prompt"` // hash of the ids
	Grids        [][3]int `json:"grids"`
	IDs          []int    `json:"ids"`
	Top          string   `json:"top"`   // hash of the best tokens of each step, in order
	Gap          float64  `json:"gap"`   // smallest distance between neighbors among them and the next
	First        []score  `json:"first"` // the best tokens of the first step
}

// score is a token's id and logit.
type score [2]float64

// question is one of cases.json.
type question struct {
	Name     string
	Repeat   int // times that its text is repeated; 0: once
	Messages []struct {
		Role    string
		Content []struct{ Type, Text, Image string }
	}
}

//go:embed cases.json
var cases []byte

func questions() ([]question, error) {
	var q []question
	return q, json.Unmarshal(cases, &q)
}

func (q *question) pictures() bool {
	for _, m := range q.Messages {
		for _, c := range m.Content {
			if c.Type == "image" {
				return true
			}
		}
	}
	return false
}

func (q *question) request() qwenvl.Request {
	r := qwenvl.Request{Sampling: qwenvl.Greedy(), MaxTokens: steps}
	known := qwenvltest.Questions()
	files := map[string][]byte{"digits.png": known[0].Picture, "shapes.png": known[1].Picture,
		"scene.png": known[2].Picture}
	for _, m := range q.Messages {
		out := qwenvl.Message{Role: qwenvl.Role(m.Role)}
		for _, c := range m.Content {
			if c.Type == "image" {
				part := qwenvl.ImageBytes(files[c.Image])
				part.Name = c.Image
				out.Parts = append(out.Parts, part)
				continue
			}
			out.Parts = append(out.Parts, qwenvl.Text(strings.Repeat(c.Text, max(q.Repeat, 1))))
		}
		r.Messages = append(r.Messages, out)
	}
	return r
}

// verify asks all questions that the model can take.
func verify(
	ctx context.Context, dir string, opts []qwenvl.Option, log io.Writer,
) (*result, error) {
	asked, err := questions()
	if err != nil {
		return nil, err
	}
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	m, err := qwenvl.Load(dir, opts...)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	info := m.Info()
	r := &result{Verify: version, Engine: "qwenvl " + moduleVersion(), ModelType: info.ModelType,
		Config: hash(config), Format: string(info.WeightFormat)}
	for _, q := range asked {
		if q.pictures() && !info.Pictures {
			continue
		}
		fmt.Fprintln(log, "verify:", q.Name)
		a, err := ask(ctx, m, &q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.Name, err)
		}
		r.Questions = append(r.Questions, *a)
	}
	return r, nil
}

func ask(ctx context.Context, m *qwenvl.Model, q *question) (*answer, error) {
	a := &answer{Name: q.Name, Grids: [][3]int{}, Gap: math.Inf(1)}
	var prompt *processor.Prompt
	var top []int
	ctx = hooks.With(ctx, &hooks.Hooks{
		Prompt: func(p *processor.Prompt) { prompt = p },
		Trace: func(stage string, _ int, rows tensor.Tensor) {
			if stage != "logits" {
				return
			}
			scores := largest(rows.Row(rows.Rows-1), best+1)
			for i, s := range scores[:best] {
				top = append(top, int(s[0]))
				a.Gap = min(a.Gap, s[1]-scores[i+1][1])
			}
			if a.First == nil {
				a.First = scores[:best]
			}
		},
	})
	resp, err := m.Generate(ctx, q.request())
	if err != nil {
		return nil, err
	}
	if len(top) != best*len(resp.Tokens) {
		return nil, errors.New("the trace has not as many steps as the answer")
	}
	for _, x := range prompt.Media {
		a.Grids = append(a.Grids, [3]int{x.Grid.T, x.Grid.H, x.Grid.W})
	}
	a.PromptTokens, a.Prompt = len(prompt.Tokens), hashIDs(prompt.Tokens)
	a.IDs, a.Top, a.Gap = resp.Tokens, hashIDs(top), rounded(a.Gap)
	for i := range a.First {
		a.First[i][1] = rounded(a.First[i][1])
	}
	return a, nil
}

// largest returns the n best scores, the first of equals first.
func largest(row []float32, n int) []score {
	out := make([]score, 0, n+1)
	for id, v := range row {
		s := score{float64(id), float64(v)}
		at, _ := slices.BinarySearchFunc(out, s, func(a, b score) int {
			return cmp.Or(cmp.Compare(b[1], a[1]), cmp.Compare(a[0], b[0]))
		})
		if at < n {
			out = slices.Insert(out, at, s)
			out = out[:min(len(out), n)]
		}
	}
	return out
}

// rounded keeps what engines agree on.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// hashIDs hashes ids as text, which every language writes alike.
func hashIDs(ids []int) string {
	return hash([]byte(strings.Trim(fmt.Sprint(ids), "[]")))
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// moduleVersion is what the go command wrote into the program.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}
