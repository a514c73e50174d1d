package main

// What a line of input does: a message, or a command.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/qwenvl/qwenvl"
)

const help = `A line is a message to the model. Commands:
  /image FILE  attach a picture to the next message; may be repeated
  /clear       forget the conversation
  /help        show this
  /quit        end, as the end of input does
Ctrl-C cancels an answer.
`

var errQuit = errors.New("quit")

// loop reads lines until the input ends.
func (c *chat) loop(ctx context.Context) error {
	if c.interactive {
		fmt.Fprint(c.notes, help)
	}
	for {
		line, err := c.lines()
		switch {
		case errors.Is(err, io.EOF):
			if c.interactive {
				fmt.Fprintln(c.notes)
			}
			return nil
		case err != nil:
			return err
		}
		err = c.line(ctx, strings.TrimSpace(line))
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
		c.history, c.pictures, c.seen = nil, nil, nil
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
	n, err := c.model.CountTokens(qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(part)},
		MaxPixels: c.maxPixels,
	})
	if err != nil {
		return err
	}
	c.pictures = append(c.pictures, part)
	if c.interactive {
		fmt.Fprintf(c.notes, "attached %s, about %d tokens\n", file, n)
	}
	return nil
}
