package conformance_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
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

// places are where panics are planted: the function that begins so starts with code that panics.
var places = []struct{ name, file, function, code string }{
	{"text of the checkpoint", "internal/chat/template.go", "func New(", panics},
	{"prompt", "internal/processor/prompt.go", "func (p *Processor) encode(", panics},
	{"picture", "preprocess/patch.go", "func (c Config) Image(", panics},
	{"packing", "internal/tensor/packing.go", "func (l *packLoop) Do(", workerPanics},
	{"tower", "vision/job.go", "func (j *Job) block(", panics},
	{"decoder", "internal/tensor/paged.go", "func (l *pagedLoop) Do(", workerPanics},
	{"loop", "internal/engine/step.go", "func (e *Engine) take(", atThird},
}

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

const (
	panics  = "panic(plantos.ErrInvalid)"
	atThird = "if s.made == 3 {" + panics + "}"
)

// workerPanics panics in a worker that the pool started. The other one waits, so that the worker
// gets an item.
const workerPanics = "if worker > 0 {" + panics + "}\nplanttime.Sleep(planttime.Millisecond)"

func TestPanicsAreContained(t *testing.T) {
	if place := os.Getenv(plantEnv); place != "" {
		contained(t, place)
		return
	}
	texts := map[string]string{}
	for _, p := range places {
		before, at, found := strings.Cut(readSource(t, p.file), "\n"+p.function)
		require.True(t, found, "the place to change in %s", p.file)
		signature, body, _ := strings.Cut(at, " {\n")
		text := before + "\n" + p.function + signature + " {\n" +
			"if plantos.Getenv(`" + plantEnv + "`) == `" + p.name + "` {" + p.code + "}\n" + body
		imports := `$0; import (plantos "os"; planttime "time")`
		texts[p.file] = packageClause.ReplaceAllString(text, imports) + "\nvar _ = planttime.Now\n"
	}
	program := filepath.Join(t.TempDir(), "planted.test.exe")
	build := exec.Command("go", "test", "-c", "-overlay", writeOverlay(t, texts), "-o", program, ".")
	out, err := build.CombinedOutput()
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
				require.Contains(t, string(internal.Stack), path.Dir(p.file)+".")
			}
		}
	}
	format := qwenvl.F32
	if place == "packing" {
		format = qwenvl.Int8
		_, err := qwenvl.Load(tinyDir, qwenvl.WithThreads(2), qwenvl.WithWeightFormat(qwenvl.Int8))
		planted(err)
	}
	m, err := qwenvl.Load(tinyDir, qwenvl.WithThreads(2), qwenvl.WithMaxBatch(2),
		qwenvl.WithVisionFormat(format))
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
		_, err = m.Features(context.Background(), qwenvl.Image(picture(90, 60)))
		planted(err)
		_, err = m.Hidden(context.Background(), ask(qwenvl.Text("x")), qwenvl.HiddenOptions{})
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
