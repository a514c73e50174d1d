// Describe answers a question about pictures.
//
//	describe [-model DIR] [-format F] PICTURE... QUESTION
//
// The answer goes to standard output as it comes. A PICTURE is a file; "-" is standard input.
// Without -model a toy model answers, which knows four questions only; see the README.
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
	"github.com/qwenvl/qwenvl/examples/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "describe:", err)
		os.Exit(1)
	}
}

// run is the program: the answer to stdout, all else to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("describe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: describe [flags] PICTURE... QUESTION")
		fmt.Fprintln(stderr, `A PICTURE is a file; "-" is standard input.`)
		flags.PrintDefaults()
	}
	var model cli.Model
	model.Flags(flags)
	maxPixels := flags.Int("max-pixels", 0,
		"size to which a larger picture is shrunk; the checkpoint's own if 0")
	tokens := flags.Int("tokens", 1024, "longest answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 2 {
		flags.Usage()
		return fmt.Errorf("want PICTURE and QUESTION, got %d arguments", flags.NArg())
	}
	last := flags.NArg() - 1
	parts, err := pictures(flags.Args()[:last], stdin)
	if err != nil {
		return err
	}
	m, err := model.Load(stderr)
	if err != nil {
		return err
	}
	defer m.Close()
	return answer(ctx, m, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(append(parts, qwenvl.Text(flags.Arg(last)))...)},
		MaxPixels: *maxPixels,
		MaxTokens: *tokens,
	}, stdout, stderr)
}

// pictures makes a part of each file, and of standard input, which can be named once.
func pictures(names []string, stdin io.Reader) ([]qwenvl.Part, error) {
	var parts []qwenvl.Part
	read := false
	for _, name := range names {
		switch {
		case name != "-":
			parts = append(parts, qwenvl.ImageFile(name))
		case read:
			return nil, errors.New(`standard input holds one picture, "-" stands there twice`)
		default:
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("standard input: %w", err)
			}
			part := qwenvl.ImageBytes(data)
			part.Name, read = "standard input", true
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// answer asks the question and writes the answer piece by piece.
func answer(
	ctx context.Context, m *qwenvl.Model, r qwenvl.Request, stdout, stderr io.Writer,
) error {
	progress := cli.NewProgress(stderr)
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
