package cli

// One line on a terminal that says how far the work before the first word is.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/qwenvl/qwenvl"
)

// IsTerminal reports whether a file is a terminal rather than a file, a pipe or the null device.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// Work shorter than progressDelay shows nothing; a line is rewritten at most once in progressEvery,
// so that neither a fast model nor a slow terminal is disturbed.
const (
	progressDelay = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

// Progress keeps one line of a terminal up to date. It is for one goroutine.
type Progress struct {
	out     io.Writer // nil: show nothing
	now     func() time.Time
	begin   time.Time
	written time.Time
	width   int // of the line on screen
}

// NewProgress shows progress on w if it is a terminal.
func NewProgress(w io.Writer) *Progress {
	if f, ok := w.(*os.File); !ok || !IsTerminal(f) {
		w = nil
	}
	return newProgress(w, time.Now)
}

func newProgress(out io.Writer, now func() time.Time) *Progress {
	return &Progress{out: out, now: now, begin: now()}
}

// Report is for a request's Progress field.
func (p *Progress) Report(r qwenvl.Progress) {
	if p.out == nil || r.Total <= 0 {
		return
	}
	t := p.now()
	if t.Sub(p.begin) < progressDelay || t.Sub(p.written) < progressEvery {
		return
	}
	p.written = t
	name := r.Stage
	switch r.Stage {
	case "vision":
		name = "looking"
	case "prefill":
		name = "reading"
	}
	line := fmt.Sprintf("%s %3d %% (%.0f s)", name, 100*min(r.Done, r.Total)/r.Total,
		t.Sub(p.begin).Seconds())
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = max(p.width, len(line))
}

// Clear wipes the line. The next Report starts a new count of time.
func (p *Progress) Clear() {
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
	}
	p.width, p.begin, p.written = 0, p.now(), time.Time{}
}
