package main

// llama.cpp as a peer: its programs, and reading what they print.

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// wholeTokens is how many tokens follow the picture and its text in the stage "whole".
const wholeTokens = 64

// llamaProgram is a program of llama.cpp with its model; Args come last, and so override what the
// tool sets.
type llamaProgram struct {
	Program string   `json:"program"`
	Model   string   `json:"model"`
	Args    []string `json:"args"`
}

func (l llamaProgram) valid() error {
	if l.Program == "" || l.Model == "" {
		return errors.New("a program of llama.cpp wants program and model")
	}
	return nil
}

// llamaBench times prefill and the decoding of one sequence with llama-bench.
type llamaBench struct{ llamaProgram }

func (l *llamaBench) time(r *runner, s shape) (figures, error) {
	common := append([]string{"-m", l.Model, "-t", strconv.Itoa(s.threads), "-r", "1", "-o", "json"}, l.Args...)
	prefill, err := l.test(r, append([]string{"-p", strconv.Itoa(s.prompt), "-n", "0"}, common...))
	if err != nil {
		return figures{}, err
	}
	decode, err := l.test(r, append([]string{"-p", "0", "-n", strconv.Itoa(s.decode), "-d", strconv.Itoa(s.prompt)}, common...))
	if err != nil {
		return figures{}, err
	}
	prefill.Decode = decode.Decode
	if prefill.Prefill == 0 || prefill.Decode == 0 {
		return figures{}, fmt.Errorf("%s: it did not run the tests that were asked for", l.Program)
	}
	prefill.RSSPeak = max(prefill.RSSPeak, decode.RSSPeak)
	return prefill, nil
}

func (l *llamaBench) test(r *runner, args []string) (figures, error) {
	o, err := r.run(l.Program, args...)
	if err != nil {
		return figures{}, err
	}
	f, ok := parseLlamaBench(o.stdout)
	if !ok {
		return f, unclear(l.Program, "results in JSON", o)
	}
	f.RSSPeak = o.rss
	return f, nil
}

// parseLlamaBench reads what llama-bench -o json prints: a list of tests, each of a prompt or of
// generation. It reports whether there are any.
func parseLlamaBench(stdout string) (figures, bool) {
	var tests []struct {
		Commit string  `json:"build_commit"`
		Number int     `json:"build_number"`
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Rate   float64 `json:"avg_ts"`
	}
	var f figures
	start := strings.Index(stdout, "[")
	if start < 0 || json.NewDecoder(strings.NewReader(stdout[start:])).Decode(&tests) != nil {
		return f, false
	}
	for _, t := range tests {
		switch {
		case t.Rate <= 0:
			return f, false
		case t.Gen == 0:
			f.Prefill = t.Rate
		case t.Prompt == 0:
			f.Decode = t.Rate
		}
		f.Version = fmt.Sprintf("%d (%s)", t.Number, t.Commit)
	}
	return f, len(tests) > 0
}

// llamaBatched times the decoding of a batch with llama-batched-bench, whose sequences share their
// prompt. It has nothing to do for a batch of one.
type llamaBatched struct{ llamaProgram }

func (l *llamaBatched) time(r *runner, s shape) (figures, error) {
	if s.batch == 1 {
		return figures{}, nil
	}
	count := strconv.Itoa
	// Without -kvu each sequence has a cache of the whole prompt.
	args := append([]string{"-m", l.Model, "-t", count(s.threads), "-npp", count(s.prompt), "-ntg", count(s.decode), "-npl", count(s.batch),
		"-c", count(s.batch * (s.prompt + s.decode)), "-pps", "--output-format", "jsonl"}, l.Args...)
	o, err := r.run(l.Program, args...)
	if err != nil {
		return figures{}, err
	}
	rate, ok := parseBatchedBench(o.stdout, s.batch)
	if !ok {
		return figures{}, unclear(l.Program, "line of JSON for the batch", o)
	}
	return figures{Batch: rate, RSSPeak: o.rss}, nil
}

// parseBatchedBench finds the tokens a second of a batch among the lines of llama-batched-bench.
func parseBatchedBench(stdout string, batch int) (float64, bool) {
	for line := range strings.Lines(stdout) {
		var row struct {
			Sequences int     `json:"pl"`
			Rate      float64 `json:"speed_tg"`
		}
		if json.Unmarshal([]byte(line), &row) == nil && row.Sequences == batch && row.Rate > 0 {
			return row.Rate, true
		}
	}
	return 0, false
}

// llamaMTMD times a picture, and a picture with text and 64 tokens of answer, with llama-mtmd-cli.
type llamaMTMD struct {
	llamaProgram
	MMProj string `json:"mmproj"`
}

func (l *llamaMTMD) valid() error {
	if l.MMProj == "" {
		return errors.New("llama_mtmd_cli wants mmproj")
	}
	return l.llamaProgram.valid()
}

func (l *llamaMTMD) time(r *runner, s shape) (figures, error) {
	if s.picture == "" {
		return figures{}, nil
	}
	// Timings are logged at level 4. The context is what the request takes, and some.
	context := s.visionTokens + s.textTokens + wholeTokens + 256
	args := append([]string{"-m", l.Model, "--mmproj", l.MMProj, "--image", s.picture, "-p", s.text, "-n", strconv.Itoa(wholeTokens + 1),
		"-t", strconv.Itoa(s.threads), "-c", strconv.Itoa(context), "--temp", "0", "--ignore-eos", "--perf", "-lv", "4"}, l.Args...)
	o, err := r.run(l.Program, args...)
	if err != nil {
		return figures{}, err
	}
	f, tokens, ok := parseMTMD(o.stderr + o.stdout)
	switch {
	case !ok:
		return f, unclear(l.Program, "timings of picture, prompt and answer", o)
	case tokens < s.visionTokens || tokens > s.visionTokens+2*s.textTokens:
		return f, fmt.Errorf("%s: its prompt has %d tokens, ours %d and %d of text: it does not see the picture at the same size", l.Program, tokens, s.visionTokens, s.textTokens)
	}
	f.RSSPeak = o.rss
	return f, nil
}

var (
	mtmdEncode = regexp.MustCompile(`(?:image (?:slice )?encoded|batch encoding done) in (\d+) ms`)
	mtmdDecode = regexp.MustCompile(`image decoded \(batch [^)]*\) in (\d+) ms`)
	mtmdPrompt = regexp.MustCompile(`prompt eval time =\s*([\d.]+) ms /\s*(\d+) tokens`)
	mtmdEval   = regexp.MustCompile(`[^t] +eval time =\s*([\d.]+) ms /\s*(\d+) runs`)
)

// parseMTMD reads the lines with timings of llama-mtmd-cli, and how many tokens the prompt had. A
// picture in several parts has a line for each. Versions differ in how many tokens they decode for
// -n 64; the whole is of 64, the first from the prompt's own pass.
func parseMTMD(log string) (f figures, promptTokens int, ok bool) {
	number := func(s string) float64 {
		v, _ := strconv.ParseFloat(s, 64) // what is not a number is 0, and refused below
		return v
	}
	sum := func(lines *regexp.Regexp) (s float64) {
		for _, m := range lines.FindAllStringSubmatch(log, -1) {
			s += number(m[1])
		}
		return s
	}
	encode, decode := sum(mtmdEncode), sum(mtmdDecode)
	prompt, eval := mtmdPrompt.FindStringSubmatch(log), mtmdEval.FindStringSubmatch(log)
	if encode == 0 || decode == 0 || prompt == nil || eval == nil || number(eval[1]) == 0 || number(eval[2]) == 0 {
		return figures{}, 0, false
	}
	// The clock of the prompt's pass starts with the text before the picture. Where nothing waits
	// for that text, it has run on through the encoder; else it has stopped meanwhile.
	first := number(prompt[1])
	if first < encode+decode {
		first += encode
	}
	token := number(eval[1]) / number(eval[2])
	return figures{Vision: encode / 1e3, Whole: (first + (wholeTokens-1)*token) / 1e3}, int(number(prompt[2])), true
}
