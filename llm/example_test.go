package llm_test

// What the decoder makes of a prompt, from a loaded model: the package's own constructors are for
// the library.

import (
	"context"
	"fmt"
	"log"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/qwenvltest"
	"github.com/qwenvl/qwenvl/rope"
)

// The last row of a prompt's logits scores the first token of the answer.
func Example() {
	m, err := qwenvltest.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	r := qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("../testdata/digits.png"),
			qwenvl.Text("Read the text."),
		)},
		Sampling: qwenvl.Greedy(),
	}
	h, err := m.Hidden(context.Background(), r, qwenvl.HiddenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("hidden states:", h.Final.Rows, "rows of", h.Final.Cols)
	fmt.Println("logits:", h.Logits.Rows, "rows of", h.Logits.Cols)

	scores := h.Logits.Row(h.Logits.Rows - 1)
	best := slices.Index(scores, slices.Max(scores))
	resp, err := m.Generate(context.Background(), r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the best score's token begins the answer:", best == resp.Tokens[0])
	// Output:
	// hidden states: 55 rows of 128
	// logits: 55 rows of 384
	// the best score's token begins the answer: true
}

func TestNewWithoutLoader(t *testing.T) {
	layer := llm.Layer{Dense: &llm.Dense{IntermediateSize: 8}, Eps: 1e-6}
	layer.GQA = &llm.GQA{NumHeads: 2, NumKVHeads: 1, HeadDim: 8}
	_, err := llm.New(llm.Config{
		VocabSize: 10, HiddenSize: 16, MaxContext: 64, Eps: 1e-6, Layers: []llm.Layer{layer},
		Rope: rope.Config{Dim: 8, Theta: 10000},
	}, nil)
	require.ErrorIs(t, err, llm.ErrConfig)
	require.ErrorContains(t, err, "qwenvl.Load")
}
