package main

// A conversation: what was said, and how the next answer is made of it.

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/examples/cli"
)

// chat is a conversation.
type chat struct {
	model     *qwenvl.Model
	tokens    int
	maxPixels int
	system    string
	// A forgetful model has learned single questions only: it is asked each by itself, about the
	// pictures that were attached last.
	forgetful bool

	lines         lineReader
	out, notes    io.Writer
	interactive   bool
	interruptible contextWithSignal // a context that ends with Ctrl-C

	history  []qwenvl.Message
	pictures []qwenvl.Part // of the next message
	seen     []qwenvl.Part // of the last message that had some
}

type contextWithSignal func(context.Context) (context.Context, context.CancelFunc)

// say sends a message and streams the answer. A message that fails is taken out of the conversation
// again; the beginning of a cancelled answer stays.
func (c *chat) say(ctx context.Context, text string) error {
	pictures, history := c.pictures, c.history
	if c.forgetful {
		history = nil
		if len(pictures) == 0 {
			pictures = c.seen
		}
	}
	turn := qwenvl.User(append(pictures[:len(pictures):len(pictures)], qwenvl.Text(text))...)
	answer, err := c.answer(ctx, append(history[:len(history):len(history)], turn))
	if err != nil {
		return err
	}
	c.pictures, c.seen = nil, pictures
	if answer != "" {
		c.history = append(c.history, turn, qwenvl.Assistant(qwenvl.Text(answer)))
	}
	return nil
}

// answer streams the answer to a conversation. Being interrupted is not an error.
func (c *chat) answer(outer context.Context, messages []qwenvl.Message) (string, error) {
	if c.system != "" {
		messages = append([]qwenvl.Message{qwenvl.System(c.system)}, messages...)
	}
	ctx, stop := c.interruptible(outer)
	defer stop()
	progress := cli.NewProgress(c.notes)
	defer progress.Clear()
	var answer strings.Builder
	var last qwenvl.Delta
	for d, err := range c.model.Stream(ctx, qwenvl.Request{
		Messages: messages, MaxTokens: c.tokens, MaxPixels: c.maxPixels, Progress: progress.Report,
	}) {
		progress.Clear()
		if err != nil {
			if ctx.Err() == nil || outer.Err() != nil {
				return "", err
			}
			fmt.Fprintln(c.out, " … (cancelled)")
			return answer.String(), nil
		}
		if c.interactive {
			fmt.Fprint(c.notes, d.Reasoning) // seen, but not a part of the answer
			if last.Reasoning != "" && d.Reasoning == "" {
				fmt.Fprint(c.notes, "\n\n")
			}
		}
		answer.WriteString(d.Text)
		if _, err := io.WriteString(c.out, d.Text); err != nil {
			return "", err
		}
		last = d
	}
	_, err := fmt.Fprintln(c.out)
	if c.interactive {
		fmt.Fprintln(c.notes, speed(last))
	}
	if last.Finish == qwenvl.FinishLength {
		fmt.Fprintf(c.notes, "chat: the answer was cut at %d tokens\n", last.Usage.CompletionTokens)
	}
	return answer.String(), err
}

// speed says how fast an answer came. The first token is made with the prompt.
func speed(d qwenvl.Delta) string {
	u, t := d.Usage, d.Timings
	s := fmt.Sprintf("[%d tokens read, first word after %.1f s; %d tokens written", u.PromptTokens,
		t.FirstToken.Seconds(), u.CompletionTokens)
	if u.CompletionTokens > 1 && t.Total > t.FirstToken {
		rate := float64(u.CompletionTokens-1) / (t.Total - t.FirstToken).Seconds()
		s += fmt.Sprintf(", %.1f a second", rate)
	}
	return s + "]"
}
