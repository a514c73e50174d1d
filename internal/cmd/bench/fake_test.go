package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qwenvl/qwenvl/internal/testkit"
)

// The test binary plays the peers: with fake=PROGRAM[,LOG] among its arguments it does as that program would, and adds its arguments to a file.
func TestMain(m *testing.M) {
	for i, arg := range os.Args {
		if name, ok := strings.CutPrefix(arg, "fake="); ok {
			os.Exit(fake(name, slices.Delete(slices.Clone(os.Args[1:]), i-1, i)))
		}
	}
	testkit.Main(m, "../../../testdata", "^(TestCurvesOfText|TestLongTemplate)$")
}

func fake(name string, args []string) int {
	name, log, _ := strings.Cut(name, ",")
	if log != "" {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(f, name, strings.Join(args, " "))
		f.Close()
	}
	value := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 {
			return args[i+1]
		}
		return ""
	}
	switch name {
	case "llama-bench":
		fmt.Printf(`[{"build_commit": "abc", "build_number": 7, "n_prompt": %s, "n_gen": %s, "avg_ts": 10.5}]`, value("-p"), value("-n"))
	case "llama-batched-bench":
		fmt.Println("loading")
		fmt.Printf(`{"pl": %s, "speed_tg": 21}`+"\n", value("-npl"))
	case "llama-mtmd-cli":
		fmt.Fprintf(os.Stderr, "1.2 I image slice encoded in 400 ms\n1.3 I image decoded (batch 1/1) in 90 ms\n")
		fmt.Fprintf(os.Stderr, "perf: prompt eval time =   600.00 ms /    50 tokens\nperf:        eval time =   640.00 ms /    64 runs\n")
	case "elsewhere": // llama-mtmd-cli that shrinks pictures
		fmt.Fprintf(os.Stderr, "1.2 I image slice encoded in 400 ms\n1.3 I image decoded (batch 1/1) in 90 ms\n")
		fmt.Fprintf(os.Stderr, "perf: prompt eval time =   600.00 ms /    20 tokens\nperf:        eval time =   640.00 ms /    64 runs\n")
	case "script":
		fmt.Println("warming up")
		fmt.Println(`{"prefill_tok_s": 5, "vision_s": 8, "version": "1.2"}`)
	case "once": // times a stage in its first round only
		if data, _ := os.ReadFile(log); strings.Count(string(data), "\n") == 1 {
			fmt.Println(`{"prefill_tok_s": 5, "decode_tok_s": 2}`)
			break
		}
		fmt.Println(`{"prefill_tok_s": 5}`)
	case "nothing":
	case "noise":
		fmt.Println("all went well")
	case "misspelt":
		fmt.Println(`{"prefill": 5}`)
	case "negative":
		fmt.Println(`{"prefill_tok_s": -5}`)
	case "failure":
		fmt.Fprintln(os.Stderr, "out of luck")
		return 3
	}
	return 0
}
