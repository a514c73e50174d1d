package main

// Situations that users reported, with the reference's results: a folder for each kind. This file
// has the count of them all; cases_*.go judge a kind each.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// judge counts cases and prints the wrong ones.
type judge struct {
	out           io.Writer
	judged, wrong int
}

const maxLine = 300 // characters of a line about a wrong case

// add counts a case. got says what came of it where that is wrong, and is empty where it is right.
func (j *judge) add(kind, name, got, want string) {
	j.judged++
	if got == "" {
		return
	}
	j.wrong++
	line := []rune(fmt.Sprintf("wrong %s/%s: %s; want %s", kind, name, oneLine(got), oneLine(want)))
	if len(line) > maxLine {
		line = append(line[:maxLine-1], '…')
	}
	fmt.Fprintln(j.out, string(line))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// fail counts a kind that could not be judged.
func (j *judge) fail(kind string, err error) { j.add(kind, "", err.Error(), "cases") }

// close prints the total and returns the exit status.
func (j *judge) close() int {
	fmt.Fprintf(j.out, "cases: %d judged, %d wrong\n", j.judged, j.wrong)
	if j.wrong > 0 || j.judged == 0 {
		return 1
	}
	return 0
}

// kinds are the folders of cases. A judge returns an error for what keeps it from judging; no case
// at all is one.
var kinds = []struct {
	name  string
	judge func(j *judge, dir, fixtures, images string) error
}{
	{"checkpoints", judgeCheckpoints},
	{"configs", judgeConfigs},
	{"pictures", judgePictures},
	{"boxes", judgeBoxes},
	{"thinking", judgeThinking},
}

// judgeCases judges all kinds that dir has.
func judgeCases(dir, fixtures, images string, out io.Writer) int {
	j := &judge{out: out}
	for _, k := range kinds {
		at := filepath.Join(dir, k.name)
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		before := j.judged
		err := k.judge(j, at, fixtures, images)
		if err == nil && j.judged == before {
			err = errors.New("no case")
		}
		if err != nil {
			j.fail(k.name, err)
		}
	}
	return j.close()
}

// folders returns the names of the folders in dir, sorted.
func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}
