// Command parity compares this library with recorded values.
//
//	parity -images DIR [-threads N] [-chunk N] [-format f32|bf16|int8|int4] [-v] FIXTURE...
//
// runs every case of every fixture through Load and Generate and compares each recorded stage of
// the forward pass. The last line is "parity: N stages compared, M out of bound, K missing". The
// bounds are those of float32, for every format. With -v it prints every stage, and also traced
// ones that are not recorded, which do not count: llm.attn and vision.attn, the rows between the
// halves of a block, and llm.ffn_in and vision.ffn_in, what its second half reads. Where the case
// has the output of mixers, llm.attn is compared with it.
//
//	parity -tokenizer FILE -goldens FILE.jsonl[.gz]
//
// compares a tokenizer file, unpacked if its name ends in .gz, with recorded ids and texts. The
// last line is "goldens: N compared, M differ".
//
//	parity -chat FILE.jsonl -templates DIR
//
// compares rendered chat templates. The last line is "chat: N compared, M differ".
//
//	parity -cases DIR -fixtures DIR -images DIR
//
// judges situations that users reported: checkpoints, configurations, pictures, places in answers,
// reasoning. There is a line for each wrong one; the last line is "cases: N judged, M wrong".
//
// Results go to stdout, progress to stderr. The exit status is 0 only when nothing is out of bound,
// missing or different; 2 for wrong usage.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cmdutil"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("parity", flag.ContinueOnError)
	f.SetOutput(stderr)
	var (
		images    = f.String("images", "", "folder of the cases' pictures")
		threads   = f.Int("threads", 0, "computing threads (0: all processors)")
		chunk     = f.Int("chunk", 0, "prompt tokens of a prefill step (0: the library's default)")
		format    = f.String("format", "f32", "weight format: f32, bf16, int8 or int4")
		verbose   = f.Bool("v", false, "print every stage, and what is traced beside them")
		tokenizer = f.String("tokenizer", "", "tokenizer file to compare")
		goldens   = f.String("goldens", "", "recorded ids and texts")
		chat      = f.String("chat", "", "recorded prompts of chat templates")
		templates = f.String("templates", "", "folder of chat templates")
		cases     = f.String("cases", "", "folder of reported situations")
		fixtures  = f.String("fixtures", "", "folder of the fixtures that cases change")
	)
	if err := f.Parse(args); err != nil {
		return 2
	}
	usage := func(problem string) int {
		fmt.Fprintln(stderr, "parity:", problem)
		f.Usage()
		return 2
	}
	compareTokenizer, compareChat := *tokenizer != "" || *goldens != "", *chat != "" || *templates != ""
	compareCases := *cases != "" || *fixtures != ""
	asked := 0
	for _, one := range []bool{compareTokenizer, compareChat, compareCases, f.NArg() > 0} {
		if one {
			asked++
		}
	}
	switch {
	case asked > 1:
		return usage("fixtures, -tokenizer, -chat and -cases exclude one another")
	case compareCases:
		if *cases == "" || *fixtures == "" || *images == "" {
			return usage("-cases wants -fixtures and -images")
		}
		return judgeCases(*cases, *fixtures, *images, stdout)
	case compareTokenizer:
		if *tokenizer == "" || *goldens == "" {
			return usage("-tokenizer and -goldens belong together")
		}
		return tally(stdout, "goldens", func(c *counter) error { return compareTokens(*tokenizer, *goldens, c) })
	case compareChat:
		if *chat == "" || *templates == "" {
			return usage("-chat and -templates belong together")
		}
		return tally(stdout, "chat", func(c *counter) error { return compareTemplates(*chat, *templates, c) })
	case f.NArg() == 0:
		return usage("no fixture")
	}
	opts, err := cmdutil.Formats(*format, "")
	if err != nil {
		return usage(err.Error())
	}
	if *threads != 0 {
		opts = append(opts, qwenvl.WithThreads(*threads))
	}
	if *chunk != 0 {
		opts = append(opts, qwenvl.WithPrefillChunk(*chunk))
	}
	r := &report{out: stdout, verbose: *verbose}
	for _, dir := range f.Args() {
		fmt.Fprintln(stderr, "parity:", dir)
		compareFixture(dir, *images, opts, r)
	}
	return r.close()
}
