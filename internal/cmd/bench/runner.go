package main

// Running a peer's program to its end.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runner runs programs of peers.
type runner struct {
	ctx context.Context
	log io.Writer
}

// output is what a program left.
type output struct {
	stdout, stderr string
	rss            int64 // peak of its resident memory; 0 where the system does not tell
}

// run runs a program to its end.
//
// Errors: the program's, with the last lines that it wrote.
func (r *runner) run(program string, args ...string) (output, error) {
	var out, log bytes.Buffer
	cmd := exec.CommandContext(r.ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = 10 * time.Second // a program's own children may hold the pipes
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		memory := watchMemory(cmd.Process.Pid)
		err = cmd.Wait()
		memory.stop()
		o := output{stdout: out.String(), stderr: log.String()}
		o.rss, _, _ = memory.peaks()
		if err == nil {
			fmt.Fprintf(r.log, "bench: %s: %.1f s\n", filepath.Base(program), time.Since(start).Seconds())
			return o, nil
		}
	}
	if r.ctx.Err() != nil {
		err = r.ctx.Err()
	}
	return output{}, fmt.Errorf("%s: %w%s", program, err, tail(log.String()+out.String()))
}

// tail returns the last lines of a log, to go behind an error.
func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if lines[0] == "" && len(lines) == 1 {
		return ""
	}
	return ":\n  " + strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}

// unclear is the error for output that was not understood.
func unclear(program, missing string, o output) error {
	return fmt.Errorf("%s: its output has no %s%s", program, missing, tail(o.stderr+o.stdout))
}
