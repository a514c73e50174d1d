//go:build !race && (amd64 || arm64)

package conformance_test

// Estimates of memory against what a process takes.

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

var (
	measured  = flag.String("measured", "", "what TestMeasured is to measure, in JSON; set by TestEstimateIsMeasured")
	bigModels = flag.String("estimate-checkpoints", "", "further checkpoints for TestEstimateIsMeasured, separated by commas")
)

// use is a use of a checkpoint: a picture if it has a size, and some words.
type use struct {
	Dir           string
	Width, Height int
	Words         int
	Tokens        int
	Format        qwenvl.WeightFormat
}

// figures are what a use was estimated to need and what it did, in bytes.
type figures struct {
	Estimate, Peak int64
	Prompt         int
}

// The estimate for a use, made in the same process before loading, is within a tenth of the peak of resident memory, anonymous and mapped.
func TestEstimateIsMeasured(t *testing.T) {
	uses := []use{
		{Dir: testdata + "/text-tiny/qwen3_moe", Words: 1500, Tokens: 8},
		{Dir: testdata + "/qwen2_vl-tiny", Width: 100, Height: 80, Words: 20, Tokens: 8},
		{Dir: testdata + "/qwen2_vl-tiny", Words: 1500, Tokens: 8},
		{Dir: testdata + "/qwen2_5_vl-tiny", Width: 700, Height: 500, Words: 20, Tokens: 8},
		{Dir: testdata + "/kimi-vl-tiny", Width: 500, Height: 500, Words: 1000, Tokens: 8},
		{Dir: testdata + "/qwen3_5_moe-tiny", Width: 300, Height: 300, Words: 500, Tokens: 8},
		{Dir: testdata + "/qwen2_vl-tiny", Width: 100, Height: 80, Words: 20, Tokens: 8, Format: qwenvl.Int8},
		{Dir: testdata + "/qwen2_5_vl-tiny", Width: 700, Height: 500, Words: 20, Tokens: 8, Format: qwenvl.Int4},
	}
	for _, dir := range strings.FieldsFunc(*bigModels, func(r rune) bool { return r == ',' }) {
		for _, f := range []qwenvl.WeightFormat{"", qwenvl.Int8, qwenvl.Int4} {
			uses = append(uses, use{Dir: dir, Width: 448, Height: 448, Words: 100, Tokens: 4, Format: f}, use{Dir: dir, Words: 600, Tokens: 4, Format: f})
		}
	}
	for _, u := range uses {
		t.Run(fmt.Sprintf("%s/%dx%d/%d%s", filepath.Base(u.Dir), u.Width, u.Height, u.Words, u.Format), func(t *testing.T) {
			var off float64
			for range 3 { // when the collector runs is a matter of chance, and shows in a process of 15 MB
				f := measure(t, u)
				off = float64(f.Estimate)/float64(f.Peak) - 1
				t.Logf("prompt %d tokens, estimate %.1f MB, peak %.1f MB, %+.1f %%", f.Prompt, float64(f.Estimate)/1e6, float64(f.Peak)/1e6, 100*off)
				if math.Abs(off) <= 0.1 {
					return
				}
			}
			t.Errorf("the estimate is off by %+.1f %%", 100*off)
		})
	}
}

// measure lets a process of its own estimate and do it.
func measure(t *testing.T, u use) figures {
	spec, err := json.Marshal(u)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestMeasured$", "-test.v", "-measured", string(spec))
	cmd.Env = append(os.Environ(), "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var f figures
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		if _, text, ok := strings.Cut(s.Text(), "measured: "); ok {
			require.NoError(t, json.Unmarshal([]byte(text), &f))
		}
	}
	require.Positive(t, f.Peak, "%s", out)
	return f
}

// TestMeasured is the process that TestEstimateIsMeasured starts; by itself it has nothing to measure.
func TestMeasured(t *testing.T) {
	if *measured == "" {
		return
	}
	var u use
	require.NoError(t, json.Unmarshal([]byte(*measured), &u))
	r := qwenvl.Request{MaxTokens: u.Tokens, Sampling: qwenvl.Greedy()}
	text := strings.Repeat("red ", u.Words)
	e := qwenvl.EstimateRequest{WeightFormat: u.Format}
	message := qwenvl.User(qwenvl.Text(text))
	if u.Width > 0 {
		message = qwenvl.User(qwenvl.Image(image.NewGray(image.Rect(0, 0, u.Width, u.Height))), qwenvl.Text(text))
		e.Pictures = []image.Point{{X: u.Width, Y: u.Height}}
	}
	r.Messages = []qwenvl.Message{message}

	in, err := qwenvl.Inspect(u.Dir)
	require.NoError(t, err)
	e.ContextTokens = u.Words + u.Tokens + 40
	if u.Width > 0 {
		n, err := in.PictureTokens(u.Width, u.Height)
		require.NoError(t, err)
		e.ContextTokens += n
	}
	before, err := in.Estimate(e)
	require.NoError(t, err)
	m, err := qwenvl.Load(u.Dir, qwenvl.WithWeightFormat(cmp.Or(u.Format, qwenvl.F32)))
	require.NoError(t, err)
	resp, err := m.Generate(context.Background(), r)
	require.NoError(t, err)
	require.NoError(t, m.Close())
	line, err := json.Marshal(figures{Estimate: before.Total, Peak: peakResident(t), Prompt: resp.Usage.PromptTokens})
	require.NoError(t, err)
	fmt.Printf("measured: %s\n", line)
}

// peakResident returns the most resident memory that the process has had.
func peakResident(t *testing.T) int64 {
	data, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for _, line := range strings.Split(string(data), "\n") {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
