package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

const testdata = "../../testdata/"

// converse runs the program on lines of input.
func converse(t *testing.T, lines ...string) (stdout, stderr string, err error) {
	var out, notes bytes.Buffer
	err = run(t.Context(), nil, strings.NewReader(strings.Join(lines, "\n")), &out, &notes)
	return out.String(), notes.String(), err
}

func TestConversation(t *testing.T) {
	out, notes, err := converse(t,
		"/image "+testdata+"digits.png", "Read the text.",
		"/clear", "",
		"  /image  "+testdata+"scene.png ", "How many shapes are there?",
		"/quit", "Read the text.")
	require.NoError(t, err)
	require.Equal(t, "40718\n3\n", out)
	require.Equal(t, 1, strings.Count(notes, "The toy model answers"))
	require.NotContains(t, notes, prompt, "no prompts where nobody sees them")
	require.NotContains(t, notes, "a second", "nor speeds")
}

// The second turn still sees the picture of the first.
func TestTurns(t *testing.T) {
	c, out := newChat(t, context.WithCancel)
	require.NoError(t, c.attach(testdata+"digits.png"))
	require.NoError(t, c.say(t.Context(), "Read the text."))
	require.Len(t, c.history, 2)
	require.Empty(t, c.pictures)
	require.NoError(t, c.say(t.Context(), "Read the text."))
	require.Len(t, c.history, 4)
	require.True(t, strings.HasPrefix(out.String(), "40718\n"), out.String())
	require.Len(t, c.history[0].Parts, 2)
	require.Len(t, c.history[2].Parts, 1)
}

// The toy model has learned single questions: a second one about the same picture, and one about
// another, are answered all the same.
func TestSecondTurnOfTheToyModel(t *testing.T) {
	out, _, err := converse(t, "/image "+testdata+"scene.png", "How many shapes are there?",
		"Describe the picture.", "/image "+testdata+"digits.png", "Read the text.", "Read the text.")
	require.NoError(t, err)
	require.Equal(t, "3\na red circle, a yellow star and a blue square\n40718\n40718\n", out)
}

func TestSpeed(t *testing.T) {
	d := qwenvl.Delta{Usage: qwenvl.Usage{PromptTokens: 50, CompletionTokens: 11}}
	d.Timings = qwenvl.Timings{FirstToken: time.Second, Total: 3 * time.Second}
	require.Equal(t,
		"[50 tokens read, first word after 1.0 s; 11 tokens written, 5.0 a second]", speed(d))
	d.Usage.CompletionTokens = 1
	require.Equal(t, "[50 tokens read, first word after 1.0 s; 1 tokens written]", speed(d))
}

func TestErrorsEndAScript(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"no file", "/image", "wants a file"},
		{"no such file", "/image none.png", "none.png"},
		{"not a picture", "/image chat.go", "chat.go"},
		{"no command", "/picture a.png", "no command /picture"},
		{"line too long", strings.Repeat("x", maxLine+1), "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := converse(t, c.line, "/image "+testdata+"digits.png", "Read the text.")
			require.ErrorContains(t, err, c.want)
			require.Empty(t, out)
		})
	}
}

func TestErrorsAreShownOnATerminal(t *testing.T) {
	c, out := newChat(t, context.WithCancel)
	var notes bytes.Buffer
	c.interactive, c.notes = true, &notes
	c.lines, _ = newLines(strings.NewReader("/image none.png\n/help\n/image "+testdata+
		"digits.png\nRead the text.\n"), nil)
	require.NoError(t, c.loop(t.Context()))
	require.Equal(t, "40718\n", out.String())
	require.Contains(t, notes.String(), "chat: ")
	require.Contains(t, notes.String(), "none.png")
	require.Equal(t, 2, strings.Count(notes.String(), "/clear "), "help at the start and when asked for")
	require.Contains(t, notes.String(), "attached "+testdata+"digits.png, about ")
	require.Regexp(t, `\[\d+ tokens read, first word after .* a second\]\n\n$`, notes.String())
}

// A cancelled answer keeps what was said, and the conversation goes on.
func TestCancelledAnswer(t *testing.T) {
	out := &cancelling{}
	c, _ := newChat(t, func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		out.cancel = cancel
		return ctx, cancel
	})
	c.out = out
	require.NoError(t, c.attach(testdata+"digits.png"))
	require.NoError(t, c.say(t.Context(), "Read the text."))
	require.True(t, strings.HasSuffix(out.String(), " … (cancelled)\n"), out.String())
	said := strings.TrimSuffix(out.String(), " … (cancelled)\n")
	require.True(t, said != "" && said != "40718" && strings.HasPrefix("40718", said), said)
	require.Len(t, c.history, 2)

	c.interruptible, out.cancel = context.WithCancel, func() {} // from here on nothing cancels
	out.Reset()
	require.NoError(t, c.line(t.Context(), "/clear"))
	require.NoError(t, c.attach(testdata+"digits.png"))
	require.NoError(t, c.say(t.Context(), "Read the text."))
	require.Equal(t, "40718\n", out.String())
}

// An answer cancelled before its first word leaves no trace.
func TestCancelledAtOnce(t *testing.T) {
	c, out := newChat(t, func(ctx context.Context) (context.Context, context.CancelFunc) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return ended, cancel
	})
	require.NoError(t, c.say(t.Context(), "Read the text."))
	require.Equal(t, " … (cancelled)\n", out.String())
	require.Empty(t, c.history)
}

// The end of the program's own context is an error.
func TestEnded(t *testing.T) {
	c, out := newChat(t, context.WithCancel)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.interactive = true
	c.lines, _ = newLines(strings.NewReader("Read the text.\nRead the text.\n"), nil)
	require.ErrorIs(t, c.loop(ctx), context.Canceled)
	require.Empty(t, out.String())
}

func TestRunErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"unknown flag", "flag provided but not defined", []string{"-x"}},
		{"argument", `unexpected argument "a.png"`, []string{"a.png"}},
		{"no such model", "nowhere", []string{"-model", "nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), c.args, strings.NewReader(""), io.Discard, io.Discard), c.want)
		})
	}
}

func newChat(t *testing.T, interruptible func(context.Context) (context.Context, context.CancelFunc)) (*chat, *bytes.Buffer) {
	m := qwenvltest.Load(t)
	out := &bytes.Buffer{}
	return &chat{model: m, tokens: 64, out: out, notes: io.Discard, interruptible: interruptible}, out
}

// cancelling cancels when the first text is written.
type cancelling struct {
	bytes.Buffer
	cancel func()
}

func (w *cancelling) Write(p []byte) (int, error) {
	w.cancel()
	return w.Buffer.Write(p)
}

func (w *cancelling) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

var errPipe = errors.New("pipe is closed")

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestClosedOutput(t *testing.T) {
	err := run(t.Context(), nil, strings.NewReader("/image "+testdata+"digits.png\nRead the text.\n"), closedPipe{}, io.Discard)
	require.ErrorIs(t, err, errPipe)
}
