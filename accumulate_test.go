package qwenvl_test

// An answer put together from its deltas.

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// At any time the accumulator has what has come so far, and in the end what Generate returns.
func TestAccumulator(t *testing.T) {
	m := loadTiny(t)
	r := story(40)
	want := generate(t, m, r)
	var acc qwenvl.Accumulator
	require.Empty(t, acc.Response().Text)
	require.Empty(t, acc.Response().Boxes())
	var snapshots []*qwenvl.Response
	var texts []string
	var text string
	for d, err := range m.Stream(context.Background(), r) {
		require.NoError(t, err)
		acc.Add(d)
		text += d.Text
		snapshots, texts = append(snapshots, acc.Response()), append(texts, text)
	}
	require.Greater(t, len(snapshots), 3)
	for i, s := range snapshots {
		require.Equal(t, texts[i], s.Text)
		require.LessOrEqual(t, len(s.Tokens), len(want.Tokens))
		require.Equal(t, want.Tokens[:len(s.Tokens)], s.Tokens, "later deltas change no earlier answer")
		require.Equal(t, i == len(snapshots)-1, s.Finish != "")
	}
	got := acc.Response()
	got.Timings = want.Timings
	require.Equal(t, want, got)
}

// Places are known before the answer has ended.
func TestBoxesWhileStreaming(t *testing.T) {
	m := loadTiny(t)
	r := ask(qwenvl.Image(picture(200, 100)), qwenvl.Text("Where?"))
	r.MaxTokens = 2
	var acc qwenvl.Accumulator
	for d, err := range m.Stream(context.Background(), r) {
		require.NoError(t, err)
		d.Text = "<ref>cup</ref><box>(100,200),(500,900)</box> and <box>(1,2),("
		acc.Add(d)
		boxes := acc.Response().Boxes()
		require.Len(t, boxes, 1, "from the first delta on")
		require.Equal(t, "cup", boxes[0].Label)
		break
	}
}
