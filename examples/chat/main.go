// Chat is a conversation about pictures in a terminal.
//
//	chat [-model DIR] [-format F] [-system TEXT]
//
// A line is a message; the answer streams, and then comes how long it took. "/image FILE" attaches
// a picture to the next message, "/help" lists the other commands. Lines can be edited, and earlier
// ones come back with the arrow keys. Ctrl-C cancels an answer, and ends the program between
// answers. Standard input need not be a terminal: then the first error ends the program. Without
// -model a toy model answers, which knows four questions only; see the README.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/qwenvl/qwenvl/examples/cli"
)

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run is the program: answers to stdout, all else to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: chat [flags]")
		flags.PrintDefaults()
	}
	var model cli.Model
	model.Flags(flags)
	system := flags.String("system", "", "system message; the chat template's own if empty")
	maxPixels := flags.Int("max-pixels", 0,
		"size to which larger pictures are shrunk; the checkpoint's own if 0")
	tokens := flags.Int("tokens", 2048, "longest answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	m, err := model.Load(stderr)
	if err != nil {
		return err
	}
	defer m.Close()
	lines, interactive := newLines(stdin, stderr)
	c := &chat{
		model: m, tokens: *tokens, maxPixels: *maxPixels, system: *system, forgetful: model.Toy(),
		lines: lines, out: stdout, notes: stderr, interactive: interactive,
		// Between answers the signal has its usual effect.
		interruptible: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return signal.NotifyContext(ctx, os.Interrupt)
		},
	}
	return c.loop(ctx)
}
