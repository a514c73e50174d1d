package conformance_test

// Rotary embeddings that are stretched, against the reference's tokens (testdata/rope/make.py).

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Answers are the reference's, whatever the chunks and threads and whoever answers beside: also
// where the rotation changes with every token, and past the lengths of training.
func TestStretchedEmbeddings(t *testing.T) {
	data, err := os.ReadFile(testdata + "/rope/answers.json")
	require.NoError(t, err)
	var answers []struct {
		Fixture, Case, About string
		Config               map[string]any
		Tokens               []int
		Logits               []float64
	}
	require.NoError(t, json.Unmarshal(data, &answers))
	require.Len(t, answers, 8)
	for _, a := range answers {
		t.Run(strings.ReplaceAll(a.Fixture+" "+a.About, "/", " "), func(t *testing.T) {
			dir := filepath.Join(testdata, a.Fixture)
			f, err := golden.Open(dir)
			require.NoError(t, err)
			c, err := f.Case(a.Case)
			require.NoError(t, err)
			x := ckpt.Read(t, dir)
			for path, value := range a.Config {
				x.Set(t, "config.json", path, value)
			}
			r := caseRequest(t, c)
			r.MaxTokens, r.Sampling = len(a.Tokens), qwenvl.Greedy()
			for _, opts := range [][]qwenvl.Option{
				{qwenvl.WithContextSize(500)},
				{qwenvl.WithContextSize(500), qwenvl.WithPrefillChunk(7), qwenvl.WithThreads(1)},
			} {
				m := loadChanged(t, x, opts...)
				s := newStages()
				got := s.run(t, m, r, nil)
				require.Equal(t, a.Tokens, got.Tokens)
				logits, width := s.rows["logits"], s.width["logits"]
				logits = logits[len(logits)-width*len(a.Tokens):]
				for i, want := range a.Logits {
					require.InDelta(t, want, logits[i*width+a.Tokens[i]], 2e-3)
				}

				var beside sync.WaitGroup
				for range 3 {
					beside.Go(func() {
						short := r
						short.MaxTokens = len(a.Tokens) / 2
						resp, err := m.Generate(t.Context(), short)
						if err != nil || !slices.Equal(resp.Tokens, a.Tokens[:short.MaxTokens]) {
							t.Error("another answer beside others", err)
						}
					})
				}
				beside.Wait()
			}
		})
	}
}
