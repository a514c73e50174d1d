// Command eval asks a model every question of an evaluation set and compares the answers.
//
//	eval -model DIR [-format auto|f32|bf16|int8|int4] [-vision-format …] [-threads N] [-v] EVAL_DIR
//
// EVAL_DIR/eval.jsonl has a question a line: image, task, question, answer, reference_output and margin. Answers are
// greedy, at most 64 tokens, special tokens kept. For each task a line says how many are correct and how many equal the
// reference's output; rows whose margin is below 0.02 are left out of the latter. The last line is "eval: A/N correct, R/N as the
// reference".
//
// Results go to stdout, progress to stderr. The exit status is 0 when every answer is the reference's, 1 when one differs or could not be
// had, 2 for wrong usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("eval", flag.ContinueOnError)
	f.SetOutput(stderr)
	var (
		dir     = f.String("model", "", "folder of the checkpoint")
		format  = f.String("format", "f32", "weight format: auto, f32, bf16, int8 or int4")
		tower   = f.String("vision-format", "", "weight format of the tower (empty: what goes with -format)")
		threads = f.Int("threads", 0, "computing threads (0: all processors)")
		verbose = f.Bool("v", false, "print every answer that is wrong or differs from the reference's")
	)
	if err := f.Parse(args); err != nil {
		return 2
	}
	if *dir == "" || f.NArg() != 1 {
		fmt.Fprintln(stderr, "eval: want -model DIR and one EVAL_DIR")
		f.Usage()
		return 2
	}
	opts, err := cmdutil.Formats(*format, *tower)
	if err != nil {
		fmt.Fprintln(stderr, "eval:", err)
		return 2
	}
	if *threads != 0 {
		opts = append(opts, qwenvl.WithThreads(*threads))
	}
	same, err := evaluate(context.Background(), *dir, f.Arg(0), opts, *verbose, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "eval:", err)
	}
	if err != nil || !same {
		return 1
	}
	return 0
}
