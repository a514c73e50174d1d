package qwenvl_test

// Streams, seeds, stop strings, continued messages, progress.

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
)

// story is a request whose answer is long and holds characters of several tokens.
func story(n int) qwenvl.Request {
	r := ask(qwenvl.Image(picture(90, 60)), qwenvl.Text("Tell me a story."))
	r.MaxTokens = n
	return r
}

func endless(ctx context.Context) context.Context {
	return hooks.With(ctx, &hooks.Hooks{IgnoreEOS: true})
}

func generate(t testing.TB, m *qwenvl.Model, r qwenvl.Request) *qwenvl.Response {
	t.Helper()
	resp, err := m.Generate(context.Background(), r)
	require.NoError(t, err)
	return resp
}

// The deltas of a stream join to what Generate returns, in whole characters.
func TestStreamJoinsToGenerate(t *testing.T) {
	m := loadTiny(t)
	for seed := range uint64(20) {
		r := story(60)
		r.Sampling = &qwenvl.Sampling{Temperature: 1.5, Seed: 1 + seed}
		want := generate(t, m, r)
		var text string
		var tokens []int
		var last qwenvl.Delta
		for d, err := range m.Stream(context.Background(), r) {
			require.NoError(t, err)
			require.Empty(t, last.Finish, "a delta after the last")
			require.True(t, utf8.ValidString(d.Text), "%q", d.Text)
			text, tokens, last = text+d.Text, append(tokens, d.Tokens...), d
		}
		require.Equal(t, want.Text, text)
		require.Equal(t, want.Tokens, tokens)
		require.Equal(t, want.Finish, last.Finish)
		require.Equal(t, want.Usage, last.Usage)
		require.Equal(t, want.Seed, last.Seed)
	}
}

// The same seed gives the same text, another seed another.
func TestSeeds(t *testing.T) {
	m := loadTiny(t)
	texts := map[string]bool{}
	for seed := range uint64(8) {
		r := story(24)
		r.Sampling = &qwenvl.Sampling{Temperature: 1, TopP: 0.95, Seed: 1 + seed}
		first := generate(t, m, r)
		require.Equal(t, first.Tokens, generate(t, m, r).Tokens)
		texts[first.Text] = true
	}
	require.Greater(t, len(texts), 6)

	r := story(24)
	r.Sampling = nil // as the checkpoint says: temperature 0.7, top-p 0.8, top-k 20
	left := generate(t, m, r)
	r.Sampling = &qwenvl.Sampling{Temperature: 0.7, TopP: 0.8, TopK: 20, Seed: left.Seed}
	require.Equal(t, generate(t, m, r).Tokens, left.Tokens)
}

// A stop string ends the answer before its first occurrence, wherever the borders of tokens lie.
func TestStopStrings(t *testing.T) {
	m := loadTiny(t)
	r := story(40)
	free := generate(t, m, r)
	runes := []rune(free.Text)
	require.Greater(t, len(runes), 20)
	for lo := range len(runes) - 6 {
		for _, n := range []int{1, 2, 5} {
			stop := string(runes[lo : lo+n])
			r.Stop = []string{"never in it", stop, strings.Repeat("z", 1024)}
			resp := generate(t, m, r)
			require.Equal(t, free.Text[:strings.Index(free.Text, stop)], resp.Text, "stop %q", stop)
			require.Equal(t, qwenvl.FinishStop, resp.Finish)
			require.Equal(t, free.Tokens[:len(resp.Tokens)], resp.Tokens)
		}
	}
	r.Stop = []string{"never in it", string(runes[len(runes)-3:]) + "z", free.Text + "z"}
	require.Equal(t, free.Text, generate(t, m, r).Text)

	// The earliest occurrence counts, not the first of the list.
	r.Stop = []string{string(runes[12:14]), string(runes[3:5])}
	at := min(strings.Index(free.Text, r.Stop[0]), strings.Index(free.Text, r.Stop[1]))
	require.Equal(t, free.Text[:at], generate(t, m, r).Text)
}

// With ContinueFinal the model goes on where the last message stops.
func TestContinueFinal(t *testing.T) {
	m := loadTiny(t)
	r := story(30)
	whole := ids(t, m, r)
	free := generate(t, m, r)

	r.Messages = append(r.Messages, qwenvl.Assistant(qwenvl.Text("Once upon")))
	r.ContinueFinal = true
	got := ids(t, m, r)
	begin, err := m.Tokenize("Once upon")
	require.NoError(t, err)
	require.Equal(t, slices.Concat(whole, begin), got)
	require.NotEqual(t, free.Tokens, generate(t, m, r).Tokens)

	// Without it the message is closed and an answer begun.
	r.ContinueFinal = false
	require.Greater(t, len(ids(t, m, r)), len(got))
}

// Leaving the loop ends the request; the model goes on with others.
func TestLeavingStream(t *testing.T) {
	m := loadTiny(t)
	for range 5 {
		n := 0
		for d, err := range m.Stream(endless(context.Background()), story(20000)) {
			require.NoError(t, err)
			if n += len(d.Tokens); n > 3 {
				break
			}
		}
	}
	require.NotEmpty(t, generate(t, m, story(3)).Tokens)
}

// Progress counts up to its total, vision before prefill.
func TestProgress(t *testing.T) {
	m := loadTiny(t, qwenvl.WithPrefillChunk(10))
	r := story(3)
	var seen []qwenvl.Progress
	r.Progress = func(p qwenvl.Progress) { seen = append(seen, p) }
	resp := generate(t, m, r)
	last := map[string]qwenvl.Progress{}
	for _, p := range seen {
		require.Greater(t, p.Done, last[p.Stage].Done)
		if p.Stage == "vision" {
			require.Zero(t, last["prefill"])
		}
		last[p.Stage] = p
	}
	require.Len(t, last, 2)
	for stage, p := range last {
		require.Equal(t, p.Total, p.Done, stage)
	}
	require.Equal(t, resp.Usage.PromptTokens, last["prefill"].Total)
	require.Positive(t, resp.Timings.FirstToken)
	require.GreaterOrEqual(t, resp.Timings.Total, resp.Timings.FirstToken)
	require.Positive(t, resp.Timings.Vision)
	require.Positive(t, resp.Timings.Prefill)
}
