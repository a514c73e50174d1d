package main

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

// memoryWatch samples the process's resident memory: the kernel keeps the peak of the total, but not of its parts.
type memoryWatch struct {
	mu                sync.Mutex
	total, anon, file int64
	once              sync.Once
	done              chan struct{}
	ended             chan struct{}
}

func watchMemory() *memoryWatch {
	w := &memoryWatch{done: make(chan struct{}), ended: make(chan struct{})}
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

func (w *memoryWatch) sample() {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return // another system: the figures stay 0
	}
	read := func(key string) int64 {
		var kib int64
		if _, rest, ok := strings.Cut(string(data), "\n"+key+":"); ok {
			fmt.Sscan(rest, &kib)
		}
		return kib << 10
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total, w.anon, w.file = max(w.total, read("VmHWM")), max(w.anon, read("RssAnon")), max(w.file, read("RssFile"))
}

// peaks returns the largest resident memory seen: in all, anonymous, and mapped from files.
func (w *memoryWatch) peaks() (total, anon, file int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total, w.anon, w.file
}
