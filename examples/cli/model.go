// Package cli is what the example programs share: which model answers, and how far it is.
package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

// Model is the flags that say which model answers, and how it computes.
type Model struct {
	Dir     string
	format  string
	threads int
}

// Flags defines the flags.
func (m *Model) Flags(f *flag.FlagSet) {
	f.StringVar(&m.Dir, "model", "", "folder of a checkpoint; the toy model if empty")
	f.StringVar(&m.format, "format", string(qwenvl.F32), "how weights are kept and multiplied:\n"+
		"f32 (the reference's numbers), bf16, int8, int4 or auto")
	f.IntVar(&m.threads, "threads", 0, "threads that compute; as many as there are cores if 0")
}

// Toy reports whether the toy model answers.
func (m *Model) Toy() bool { return m.Dir == "" }

// Load opens the model. That the toy one is to answer is said on notes: its answers look like those
// of a model that can see.
func (m *Model) Load(notes io.Writer) (*qwenvl.Model, error) {
	opts := []qwenvl.Option{qwenvl.WithWeightFormat(qwenvl.WeightFormat(m.format))}
	if m.threads != 0 {
		opts = append(opts, qwenvl.WithThreads(m.threads))
	}
	if !m.Toy() {
		return qwenvl.Load(m.Dir, opts...)
	}
	loaded, err := qwenvltest.Open(opts...)
	if err == nil {
		fmt.Fprintf(notes, "The toy model answers; -model DIR takes a real one. It knows four "+
			"questions,\nabout pictures such as testdata/scene.png and testdata/digits.png, and "+
			"guesses at all else:\n  %s\n", strings.Join(qwenvltest.Asks(), "  "))
	}
	return loaded, err
}
