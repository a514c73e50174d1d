// Command verify tells what a checkpoint gives here, so that it can be compared with another
// machine, another version or the reference.
//
//	verify -model DIR [-format f32] [-threads N]
//
// asks a dozen fixed questions, some about pictures, takes the best token 16 times, and prints one
// JSON object: for each question the prompt's ids as a hash, the grids of pictures, the ids of the
// answer, and a hash of which four tokens scored best at each step. It holds nothing of the weights
// but these numbers. _reference/verify.py prints the same from transformers.
//
//	verify -compare A.json B.json
//
// compares two of them. Where the hashes differ, but two of the best scores of the question lay
// closer than 0.001, the order of summation decides and the question counts as close. The last line
// is "verify: N equal, M close, K different".
//
// The exit status is 0 when none differs, 1 otherwise, 2 for wrong usage.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	f.SetOutput(stderr)
	var (
		dir     = f.String("model", "", "folder of the checkpoint")
		format  = f.String("format", "f32", "weight format: f32, bf16, int8 or int4")
		threads = f.Int("threads", 0, "computing threads (0: all processors)")
		compare = f.Bool("compare", false, "compare two results")
	)
	if err := f.Parse(args); err != nil {
		return 2
	}
	usage := func(problem string) int {
		fmt.Fprintln(stderr, "verify:", problem)
		f.Usage()
		return 2
	}
	switch {
	case *compare && (*dir != "" || f.NArg() != 2):
		return usage("-compare wants two files")
	case *compare:
		return compareFiles(f.Arg(0), f.Arg(1), stdout, stderr)
	case *dir == "" || f.NArg() != 0:
		return usage("want -model DIR")
	}
	opts, err := cmdutil.Formats(*format, "")
	if err != nil {
		return usage(err.Error())
	}
	if *threads != 0 {
		opts = append(opts, qwenvl.WithThreads(*threads))
	}
	r, err := verify(context.Background(), *dir, opts, stderr)
	if err == nil {
		err = write(stdout, r)
	}
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return 1
	}
	return 0
}

// write prints a result with a question a line.
func write(out io.Writer, r *result) error {
	lines := r.Questions
	head := *r
	head.Questions = nil
	data, err := json.Marshal(head)
	if err != nil {
		return err
	}
	const empty = `null}` // of the last field
	if _, err = fmt.Fprintf(out, "%s[\n", data[:len(data)-len(empty)]); err != nil {
		return err
	}
	for i, q := range lines {
		line, err := json.Marshal(q)
		if err != nil {
			return err
		}
		comma := ","
		if i == len(lines)-1 {
			comma = ""
		}
		if _, err := fmt.Fprintf(out, " %s%s\n", line, comma); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, "]}")
	return err
}
