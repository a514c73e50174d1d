package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
)

const (
	maxLine = 1 << 20 // bytes of a message

	help = `A line is a message to the model. Commands:
  /image FILE  attach a picture to the next message; may be repeated
  /clear       forget the conversation
  /help        show this
  /quit        end, as the end of input does
Ctrl-C cancels an answer.
`
)

// loop reads lines until the input ends.
func (c *chat) loop(ctx context.Context) error {
	if c.interactive {
		fmt.Fprint(c.notes, help)
	}
	lines := bufio.NewScanner(c.in)
	lines.Buffer(nil, maxLine)
	for {
		if c.interactive {
			fmt.Fprint(c.notes, "> ")
		}
		if !lines.Scan() {
			if c.interactive {
				fmt.Fprintln(c.notes)
			}
			return lines.Err()
		}
		err := c.line(ctx, strings.TrimSpace(lines.Text()))
		switch {
		case errors.Is(err, errQuit):
			return nil
		case err != nil && (!c.interactive || ctx.Err() != nil):
			return err
		case err != nil:
			fmt.Fprintln(c.notes, "chat:", err)
		}
	}
}

// line does what one line of input says.
func (c *chat) line(ctx context.Context, line string) error {
	if !strings.HasPrefix(line, "/") {
		if line == "" {
			return nil
		}
		return c.say(ctx, line)
	}
	command, argument, _ := strings.Cut(line, " ")
	switch argument = strings.TrimSpace(argument); command {
	case "/image":
		return c.attach(argument)
	case "/clear":
		c.history, c.pictures = nil, nil
		return nil
	case "/help":
		fmt.Fprint(c.notes, help)
		return nil
	case "/quit", "/exit":
		return errQuit
	}
	return fmt.Errorf("no command %s; see /help", command)
}

// attach keeps a picture for the next message, if it can be read.
func (c *chat) attach(file string) error {
	if file == "" {
		return errors.New("/image wants a file")
	}
	part := qwenvl.ImageFile(file)
	if _, err := c.model.CountTokens(qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(part)}, MaxPixels: c.maxPixels}); err != nil {
		return err
	}
	c.pictures = append(c.pictures, part)
	if c.interactive {
		fmt.Fprintf(c.notes, "attached %s\n", file)
	}
	return nil
}

// say sends a message and streams the answer. A message that fails is taken out of the conversation again; the beginning of a
// cancelled answer stays.
func (c *chat) say(ctx context.Context, text string) error {
	turn := qwenvl.User(append(c.pictures, qwenvl.Text(text))...)
	answer, err := c.answer(ctx, append(c.history, turn))
	if err != nil {
		return err
	}
	c.pictures = nil
	if answer != "" {
		c.history = append(c.history, turn, qwenvl.Assistant(qwenvl.Text(answer)))
	}
	return nil
}

func (c *chat) request(messages []qwenvl.Message, progress *cmdutil.Progress) qwenvl.Request {
	return qwenvl.Request{Messages: messages, MaxTokens: c.tokens, MaxPixels: c.maxPixels, Progress: progress.Report}
}

// answer streams the answer to a conversation. Being interrupted is not an error.
func (c *chat) answer(outer context.Context, messages []qwenvl.Message) (string, error) {
	if c.system != "" {
		messages = append([]qwenvl.Message{qwenvl.System(c.system)}, messages...)
	}
	ctx, stop := c.interruptible(outer)
	defer stop()
	progress := cmdutil.NewProgress(c.notes)
	defer progress.Clear()
	var answer strings.Builder
	var last qwenvl.Delta
	for d, err := range c.model.Stream(ctx, c.request(messages, progress)) {
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
		}
		answer.WriteString(d.Text)
		if _, err := io.WriteString(c.out, d.Text); err != nil {
			return "", err
		}
		last = d
	}
	_, err := fmt.Fprintln(c.out)
	if last.Finish == qwenvl.FinishLength {
		fmt.Fprintf(c.notes, "chat: the answer was cut at %d tokens\n", c.tokens)
	}
	return answer.String(), err
}
