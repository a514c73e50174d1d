// Ground asks a model where things are and draws the boxes that it names onto the picture.
//
//	ground [-model DIR] [-format F] [-max-pixels N] [-o FILE] PICTURE QUESTION...
//
// The answers to all questions go into one picture, a PNG. Standard output has a line for each box:
// its label and its corners in pixels of the picture. Without -model a toy model answers, which
// knows "Where is the red circle?" and the like.
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
	"github.com/qwenvl/qwenvl/examples/cli"
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
		fmt.Fprintln(stderr, "usage: ground [flags] PICTURE QUESTION...")
		flags.PrintDefaults()
	}
	var model cli.Model
	model.Flags(flags)
	maxPixels := flags.Int("max-pixels", 0,
		"size to which a larger picture is shrunk; the checkpoint's own if 0")
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
	// Upright, as the model sees it.
	picture, err := preprocess.Decode(data, preprocess.DecodeOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Arg(0), err)
	}
	m, err := model.Load(stderr)
	if err != nil {
		return err
	}
	defer m.Close()
	var boxes []qwenvl.Box
	for _, question := range flags.Args()[1:] {
		found, err := ask(ctx, m, qwenvl.Request{
			Messages: []qwenvl.Message{
				qwenvl.User(qwenvl.ImageBytes(data), qwenvl.Text(question)),
			},
			MaxPixels: *maxPixels,
			MaxTokens: 1024,
			Sampling:  qwenvl.Greedy(),
		}, stderr)
		if err != nil {
			return fmt.Errorf("%q: %w", question, err)
		}
		boxes = append(boxes, found...)
	}
	for _, b := range boxes {
		r := rectangle(b, 1)
		_, err := fmt.Fprintf(stdout, "%s\t(%d,%d)\t(%d,%d)\n", b.Label, r.Min.X, r.Min.Y, r.Max.X,
			r.Max.Y)
		if err != nil {
			return err
		}
	}
	drawn := annotate(picture, boxes)
	if err := writePNG(*out, drawn); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "wrote %s, %d by %d pixels, boxes: %d\n", *out,
		drawn.Bounds().Dx(), drawn.Bounds().Dy(), len(boxes))
	return nil
}

// ask returns the boxes of one answer. An answer without any is an error that quotes it.
func ask(
	ctx context.Context, m *qwenvl.Model, r qwenvl.Request, stderr io.Writer,
) ([]qwenvl.Box, error) {
	progress := cli.NewProgress(stderr)
	defer progress.Clear()
	r.Progress = progress.Report
	resp, err := m.Generate(ctx, r)
	if err != nil {
		return nil, err
	}
	boxes := resp.Boxes()
	if len(boxes) == 0 {
		return nil, fmt.Errorf("no box in the answer %q", resp.Text)
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
