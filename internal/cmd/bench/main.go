// Command bench times a checkpoint on this machine.
//
//	bench -model DIR [-format auto|f32|bf16|int8|int4] [-vision-format …] -image WxH -prompt T -decode D [-batch B] [-threads N] [-repeat 5] [-without …] [-compare FILE]
//
// It prints one JSON object: medians of -repeat runs after one that is not counted. Pictures are synthetic and keep exactly the size given, which
// must be a whole number of merged patches. The prompt has exactly T tokens. Decoding goes past end tokens and runs B sequences
// side by side; decode_tok_s counts all of them.
//
// The formats are those of the library; without -vision-format the tower's goes with the decoder's. The tower's weights are packed before
// anything of it is timed.
//
// The machine's limits are found in the same run: bandwidth_gb_s, int8_gops, f32_gflops, and which share of them is reached.
//
// FILE names other engines (see comparison), which are timed in turn with ours, round by round, on the same shape and threads. The object then has peers
// with their medians, and ratios: how many times as fast ours is. The folder peers has scripts for some of them.
//
//	bench -model DIR -curves [-max-prompt 8192] [-max-patches 16384] [-decode D] [-threads N] [-repeat 5] [-format …] [-vision-format …]
//
// prints how the cost grows: prefill by length of the prompt, decoding by depth, and the tower by size of a square picture, each with what the machine's
// limits allow. The module _plot draws it.
//
// The object goes to stdout, progress to stderr. The exit status is 0 when everything was timed, 1 when something failed, 2 for wrong
// usage.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
	"github.com/qwenvl/qwenvl/internal/cpu"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// config is what to time.
type config struct {
	model         string
	format        string
	visionFormat  string
	formats       []qwenvl.Option
	width, height int
	prompt        int
	decode        int
	batch         int
	threads       int
	repeat        int
	compare       *comparison // nil: none

	maxPrompt, maxPatches int // of the curves
}

func run(args []string, stdout, stderr io.Writer) int {
	var c config
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.model, "model", "", "folder of the checkpoint")
	f.StringVar(&c.format, "format", "auto", "weight format: auto, f32, bf16, int8 or int4")
	f.StringVar(&c.visionFormat, "vision-format", "", "weight format of the tower (empty: what goes with -format)")
	size := f.String("image", "", "size of the picture, WxH; empty: no picture")
	f.IntVar(&c.prompt, "prompt", 512, "text tokens of the prompt")
	f.IntVar(&c.decode, "decode", 32, "tokens to generate after the prompt")
	f.IntVar(&c.batch, "batch", 1, "sequences decoded side by side")
	f.IntVar(&c.threads, "threads", 0, "computing threads (0: all processors)")
	f.IntVar(&c.repeat, "repeat", 5, "runs that count")
	compare := f.String("compare", "", "file that names peers to time in turn")
	without := f.String("without", "", "instruction sets not to use, with commas between, as features lists them")
	draw := f.Bool("curves", false, "time how the cost grows with prompt, depth and picture")
	f.IntVar(&c.maxPrompt, "max-prompt", 8192, "longest prompt of the curves")
	f.IntVar(&c.maxPatches, "max-patches", 16384, "largest picture of the curves")
	if err := f.Parse(args); err != nil {
		return 2
	}
	usage := func(problem string) int {
		fmt.Fprintln(stderr, "bench:", problem)
		f.Usage()
		return 2
	}
	var err error
	if *size != "" {
		if c.width, c.height, err = parseSize(*size); err != nil {
			return usage(err.Error())
		}
	}
	switch {
	case c.model == "" || f.NArg() > 0:
		return usage("want -model DIR and no further arguments")
	case c.prompt < 1 || c.decode < 1 || c.batch < 1 || c.repeat < 1 || c.threads < 0:
		return usage("counts must be at least 1")
	}
	if *draw && (*size != "" || *compare != "" || c.maxPrompt < 2*leastPrompt || c.maxPatches < 2*leastPatches) {
		return usage("-curves wants neither -image nor -compare, and room for two points")
	}
	for _, name := range strings.FieldsFunc(*without, func(r rune) bool { return r == ',' }) {
		if !slices.Contains(cpu.Names(), name) {
			return usage("-without " + name + ": not in use here, which are " + strings.Join(cpu.Names(), ", "))
		}
		defer cpu.Disable(name)()
	}
	if c.formats, err = cmdutil.Formats(c.format, c.visionFormat); err != nil {
		return usage(err.Error())
	}
	if *compare != "" {
		if c.compare, err = loadComparison(*compare); err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return 1
		}
	}
	var result any
	if *draw {
		result, err = trace(context.Background(), c, stderr)
	} else {
		result, err = measure(context.Background(), c, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	out, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	fmt.Fprintln(stdout, string(out))
	return 0
}

func parseSize(s string) (w, h int, err error) {
	a, b, ok := strings.Cut(s, "x")
	if ok {
		w, err = strconv.Atoi(a)
	}
	if ok && err == nil {
		h, err = strconv.Atoi(b)
	}
	if !ok || err != nil || w < 1 || h < 1 || w > 1<<14 || h > 1<<14 {
		return 0, 0, fmt.Errorf("-image %q is not WxH", s)
	}
	return w, h, nil
}
