package main

// A peer that is any program printing a JSON object.

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// script is a program of any kind: it runs once a round, warms itself up and prints a JSON object
// with its figures, under the names that figures has, as the last line of its output. Stages that
// it leaves out are not compared.
//
// In the command {threads}, {prompt}, {decode}, {batch}, {width}, {height}, {text_tokens} and
// {picture} stand for what the round asks for: counts, the size of the picture (0 without one), the
// tokens of text beside it, and the file that it is in.
type script struct {
	Command []string `json:"command"`
}

func (s *script) valid() error {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return errors.New("script has no command")
	}
	return nil
}

func (s *script) time(r *runner, sh shape) (figures, error) {
	count := strconv.Itoa
	fill := strings.NewReplacer("{threads}", count(sh.threads), "{prompt}", count(sh.prompt), "{decode}", count(sh.decode), "{batch}", count(sh.batch),
		"{width}", count(sh.width), "{height}", count(sh.height), "{text_tokens}", count(sh.textTokens), "{picture}", sh.picture)
	command := make([]string, len(s.Command))
	for i, arg := range s.Command {
		command[i] = fill.Replace(arg)
	}
	o, err := r.run(command[0], command[1:]...)
	if err != nil {
		return figures{}, err
	}
	f, ok := parseScript(o.stdout)
	if !ok {
		return f, unclear(strings.Join(s.Command, " "), "figures", o)
	}
	if f.RSSPeak == 0 {
		f.RSSPeak = o.rss
	}
	return f, nil
}

// parseScript reads the figures from the last line. It reports whether there are any, all of them
// sensible.
func parseScript(stdout string) (figures, bool) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var f figures
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	if d.Decode(&f) != nil {
		return figures{}, false
	}
	any := false
	for _, st := range stages {
		v := *st.of(&f)
		if v < 0 {
			return figures{}, false
		}
		any = any || v > 0
	}
	return f, any
}
