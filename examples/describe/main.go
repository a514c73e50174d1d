// Describe answers a question about a picture.
//
//	describe [-model DIR] [-format F] PICTURE QUESTION
//
// The answer goes to standard output as it comes. Without -model the small embedded model answers, which knows four questions
// only; see the README.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "describe:", err)
		os.Exit(1)
	}
}

// run is the program: the answer to stdout, all else to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("describe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: describe [-model DIR] [-format F] [-max-pixels N] [-tokens N] [-threads N] PICTURE QUESTION")
		flags.PrintDefaults()
	}
	dir := flags.String("model", "", "folder of a checkpoint; the embedded model if empty")
	maxPixels := flags.Int("max-pixels", 0, "size to which a larger picture is shrunk; the checkpoint's own if 0")
	tokens := flags.Int("tokens", 1024, "longest answer")
	format := flags.String("format", "f32", "how weights are kept and multiplied: f32 (the reference's numbers), bf16, int8, int4 or auto")
	threads := flags.Int("threads", 0, "threads that compute; as many as there are cores if 0")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return fmt.Errorf("want PICTURE and QUESTION, got %d arguments", flags.NArg())
	}
	opts, err := cmdutil.Formats(*format, "")
	if err != nil {
		return err
	}
	if *threads != 0 {
		opts = append(opts, qwenvl.WithThreads(*threads))
	}
	m, err := cmdutil.Load(*dir, opts...)
	if err != nil {
		return err
	}
	defer m.Close()
	return answer(ctx, m, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.ImageFile(flags.Arg(0)), qwenvl.Text(flags.Arg(1)))},
		MaxPixels: *maxPixels,
		MaxTokens: *tokens,
	}, stdout, stderr)
}

// answer asks the question and writes the answer piece by piece.
func answer(ctx context.Context, m *qwenvl.Model, r qwenvl.Request, stdout, stderr io.Writer) error {
	progress := cmdutil.NewProgress(stderr)
	defer progress.Clear()
	r.Progress = progress.Report
	var finish qwenvl.FinishReason
	for d, err := range m.Stream(ctx, r) {
		progress.Clear()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(stdout, d.Text); err != nil {
			return err
		}
		finish = d.Finish
	}
	if _, err := fmt.Fprintln(stdout); err != nil {
		return err
	}
	if finish == qwenvl.FinishLength {
		fmt.Fprintf(stderr, "describe: the answer was cut at %d tokens; see -tokens\n", r.MaxTokens)
	}
	return nil
}
