package main

// What a result says of the machine: processor, revision, resident memory.

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// cpuModel returns the processor's name.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if key, value, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// commit returns the revision that was built, or of the working tree.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	out, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// memoryWatch samples a process's resident memory: the kernel keeps the peak of the total, but not
// of its parts.
type memoryWatch struct {
	proc              string // the process's folder in /proc
	peak              string // key of what the total is the peak of
	mu                sync.Mutex
	total, anon, file int64
	once              sync.Once
	done              chan struct{}
	ended             chan struct{}
}

// watchMemory watches the process of that id.
func watchMemory(pid int) *memoryWatch {
	w := &memoryWatch{proc: fmt.Sprintf("/proc/%d/", pid), peak: "VmHWM", done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			w.sample()
			select {
			case <-w.done:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

func (w *memoryWatch) stop() {
	w.once.Do(func() { close(w.done) })
	<-w.ended
}

// without runs f, whose memory does not count.
func (w *memoryWatch) without(f func()) {
	w.sample()
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	debug.FreeOSMemory()
	// Where the kernel does not let go of its peak, the samples make one.
	if os.WriteFile(w.proc+"clear_refs", []byte("5"), 0) != nil {
		w.peak = "VmRSS"
	}
}

func (w *memoryWatch) sample() {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := os.ReadFile(w.proc + "status")
	if err != nil {
		return // another system: the figures stay 0; or the process has ended
	}
	read := func(key string) int64 {
		var kib int64
		if _, rest, ok := strings.Cut(string(data), "\n"+key+":"); ok {
			fmt.Sscan(rest, &kib)
		}
		return kib << 10
	}
	w.total, w.anon, w.file = max(w.total, read(w.peak)), max(w.anon, read("RssAnon")), max(w.file, read("RssFile"))
}

// peaks returns the largest resident memory seen: in all, anonymous, and mapped from files.
func (w *memoryWatch) peaks() (total, anon, file int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total, w.anon, w.file
}
