// Ground asks a model where things are and draws the boxes that it names onto the picture.
//
//	ground [-model DIR] [-format F] [-format F] [-o FILE] PICTURE QUESTION...
//
// The answers to all questions go into one picture, a PNG. Standard output has a line for each box: its label and its corners in
// pixels of the picture. Without -model the small embedded model answers, which knows "Where is the red circle?" and the like.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/signal"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
	"github.com/qwenvl/qwenvl/preprocess"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "ground:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ground", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: ground [-model DIR] [-o FILE] PICTURE QUESTION...")
		flags.PrintDefaults()
	}
	dir := flags.String("model", "", "folder of a checkpoint; the embedded model if empty")
	format := flags.String("format", "f32", "how weights are kept and multiplied: f32 (the reference's numbers), bf16, int8, int4 or auto")
	out := flags.String("o", "boxes.png", "file to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 2 {
		flags.Usage()
		return fmt.Errorf("want PICTURE and QUESTION, got %d arguments", flags.NArg())
	}
	data, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	picture, err := preprocess.Decode(data, preprocess.DecodeOptions{}) // upright, as the model sees it
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Arg(0), err)
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
	var boxes []qwenvl.Box
	for _, question := range flags.Args()[1:] {
		found, err := ask(ctx, m, data, question, stderr)
		if err != nil {
			return err
		}
		boxes = append(boxes, found...)
	}
	for _, b := range boxes {
		r := rectangle(b, 1)
		if _, err := fmt.Fprintf(stdout, "%s\t(%d,%d)\t(%d,%d)\n", b.Label, r.Min.X, r.Min.Y, r.Max.X, r.Max.Y); err != nil {
			return err
		}
	}
	return writePNG(*out, annotate(picture, boxes))
}

// ask returns the boxes of one answer. An answer without any is an error that quotes it.
func ask(ctx context.Context, m *qwenvl.Model, data []byte, question string, stderr io.Writer) ([]qwenvl.Box, error) {
	progress := cmdutil.NewProgress(stderr)
	defer progress.Clear()
	resp, err := m.Generate(ctx, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.ImageBytes(data), qwenvl.Text(question))},
		MaxTokens: 1024,
		Sampling:  qwenvl.Greedy(),
		Progress:  progress.Report,
	})
	if err != nil {
		return nil, err
	}
	boxes := resp.Boxes()
	if len(boxes) == 0 {
		return nil, fmt.Errorf("no box in the answer to %q: %q", question, resp.Text)
	}
	return boxes, nil
}

func writePNG(name string, m image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := png.Encode(f, m); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.Close()
}
