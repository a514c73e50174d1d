// Chat is a conversation about pictures in a terminal.
//
//	chat [-model DIR] [-format F] [-system TEXT]
//
// A line is a message; the answer streams. "/image FILE" attaches a picture to the next message, "/help" lists the other
// commands. Ctrl-C cancels an answer, and ends the program between answers. Standard input need not be a terminal: then the
// first error ends the program. Without -model the small embedded model answers, which knows four questions only; see the README.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
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
	dir := flags.String("model", "", "folder of a checkpoint; the embedded model if empty")
	system := flags.String("system", "", "system message; the chat template's own if empty")
	maxPixels := flags.Int("max-pixels", 0, "size to which larger pictures are shrunk; the checkpoint's own if 0")
	format := flags.String("format", "f32", "how weights are kept and multiplied: f32 (the reference's numbers), bf16, int8, int4 or auto")
	tokens := flags.Int("tokens", 2048, "longest answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	opts, err := cmdutil.Formats(*format, "")
	if err != nil {
		return err
	}
	m, err := cmdutil.Load(*dir, opts...)
	if err != nil {
		return err
	}
	defer m.Close()
	f, ok := stdin.(*os.File)
	c := &chat{
		model: m, tokens: *tokens, maxPixels: *maxPixels, system: *system,
		in: stdin, out: stdout, notes: stderr,
		interactive: ok && cmdutil.IsTerminal(f),
		// Between answers the signal has its usual effect.
		interruptible: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return signal.NotifyContext(ctx, os.Interrupt)
		},
	}
	return c.loop(ctx)
}

var errQuit = errors.New("quit")

// chat is a conversation.
type chat struct {
	model     *qwenvl.Model
	tokens    int
	maxPixels int
	system    string

	in            io.Reader
	out, notes    io.Writer
	interactive   bool
	interruptible func(context.Context) (context.Context, context.CancelFunc) // a context that ends with Ctrl-C

	history  []qwenvl.Message
	pictures []qwenvl.Part // of the next message
}
