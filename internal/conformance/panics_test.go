package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// A panic in any goroutine of the library must not end the program that uses it. The test builds a
// copy of itself in which several places panic, one for each run, and runs its second half in
// that.

// plantEnv names the place that panics.
const plantEnv = "QWENVL_PLANTED_PANIC"

// places are where panics are planted: in front of old stands code that panics.
var places = []struct{ name, file, old, code string }{
	{"text of the checkpoint", "internal/chat/template.go", "\tsource = normalize(source)\n", "panic(plantos.ErrInvalid)"},
	{"picture", "preprocess/patch.go", "\timg.check()\n\tp, err := c.plan(", "panic(plantos.ErrInvalid)"},
	{"packing", "internal/tensor/packing.go", "\tm, row0 := l.m, ", workerPanics},
	{"tower", "vision/job.go", "\tc, x, b := j.enc.cfg, j.x, &j.enc.blocks[i]\n", "panic(plantos.ErrInvalid)"},
	{"decoder", "internal/tensor/paged.go", "\thead, item := i%l.layout.Heads, ", workerPanics},
	{"loop", "internal/engine/step.go", "\ts.made++\n", "if s.made == 3 { panic(plantos.ErrInvalid) }"},
}

// workerPanics panics in a worker that the pool started. The other one waits, so that the worker
// gets an item.
const workerPanics = "if worker > 0 { panic(plantos.ErrInvalid) } else { planttime.Sleep(planttime.Millisecond) }"

func TestPanicsAreContained(t *testing.T) {
	if place := os.Getenv(plantEnv); place != "" {
		contained(t, place)
		return
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for i, p := range places {
		source, err := os.ReadFile(filepath.Join(root, p.file))
		require.NoError(t, err)
		text := string(source)
		require.Equal(t, 1, strings.Count(text, p.old), "the place to change in %s", p.file)
		text = strings.Replace(text, p.old, "if plantos.Getenv(\""+plantEnv+"\") == \""+p.name+"\" {"+p.code+"}\n"+p.old, 1)
		text = strings.Replace(text, "\nimport (\n", "\nimport (\nplantos \"os\"\nplanttime \"time\"\n", 1)
		text += "\nvar _ = planttime.Now\n"
		patched := filepath.Join(dir, string(rune('a'+i))+".go")
		require.NoError(t, os.WriteFile(patched, []byte(text), 0o600))
		original, err := filepath.Abs(filepath.Join(root, p.file))
		require.NoError(t, err)
		replace[original] = patched
	}
	overlay, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "planted.test.exe")
	data, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, data, 0o600))
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s", "-overlay", overlay, "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			cmd := exec.Command(program, "-test.v", "-test.run", "^TestPanicsAreContained$")
			cmd.Env = append(os.Environ(), plantEnv+"="+p.name)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestPanicsAreContained")
		})
	}
}

// contained runs requests while the place panics.
func contained(t *testing.T, place string) {
	before := runtime.NumGoroutine()
	planted := func(err error) {
		t.Helper()
		var internal *qwenvl.InternalError
		require.ErrorAs(t, err, &internal)
		require.ErrorIs(t, err, os.ErrInvalid, "what panic was called with")
		for _, p := range places {
			if p.name == place { // in the package that panicked
				require.Contains(t, string(internal.Stack), filepath.ToSlash(filepath.Dir(p.file))+".")
			}
		}
	}
	format := qwenvl.F32
	if place == "packing" {
		format = qwenvl.Int8
		_, err := qwenvl.Load(tinyDir, qwenvl.WithThreads(2), qwenvl.WithWeightFormat(qwenvl.Int8))
		planted(err)
	}
	m, err := qwenvl.Load(tinyDir, qwenvl.WithThreads(2), qwenvl.WithMaxBatch(2), qwenvl.WithVisionFormat(format))
	if place == "text of the checkpoint" {
		planted(err)
	} else {
		require.NoError(t, err)
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs { // more than may run at a time
			r := ask(qwenvl.Image(picture(90, 60)), qwenvl.Text("Tell me a story."))
			r.MaxTokens = 5000
			wg.Go(func() { _, errs[i] = m.Generate(endless(context.Background()), r) })
		}
		wg.Wait()
		for _, err := range errs {
			planted(err)
		}
		_, err = m.Generate(context.Background(), ask(qwenvl.Text("x")))
		planted(err)
		_, err = m.CountTokens(ask(qwenvl.Text("x")))
		planted(err)
		require.NoError(t, m.Close())
		_, err = m.Generate(context.Background(), ask(qwenvl.Text("x")))
		require.ErrorIs(t, err, qwenvl.ErrClosed)
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// A panic of the caller's own code, on the caller's goroutine, stays there and leaves the model
// usable.
func TestCallersPanic(t *testing.T) {
	m := loadTiny(t)
	want := generate(t, m, story(20))
	own := errors.New("the caller's own")
	r := story(20)
	r.Progress = func(qwenvl.Progress) { panic(own) }
	require.PanicsWithError(t, own.Error(), func() { _, _ = m.Generate(context.Background(), r) })
	require.PanicsWithError(t, own.Error(), func() {
		for range m.Stream(context.Background(), story(20)) {
			panic(own)
		}
	})
	require.Equal(t, want.Text, generate(t, m, story(20)).Text)
}
