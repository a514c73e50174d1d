package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

const model = "../../tiny/model"

// The tests are of the tool, not of the machine.
func init() { readBytes, limitTime = 32<<20, 5*time.Millisecond }

func runTool(args ...string) (int, map[string]any, string) {
	var out, log bytes.Buffer
	status := run(args, &out, &log)
	var v map[string]any
	_ = json.Unmarshal(out.Bytes(), &v)
	return status, v, log.String()
}

func TestBench(t *testing.T) {
	for _, batch := range []string{"1", "3"} {
		status, v, log := runTool("-model", model, "-image", "168x140", "-prompt", "40", "-decode", "24", "-batch", batch, "-repeat", "2", "-threads", "2")
		require.Zero(t, status, log)
		for _, key := range []string{"load_s", "vision_s", "prefill_tok_s", "decode_tok_s", "first_token_s"} {
			require.Greater(t, v[key], 0.0, key)
		}
		if runtime.GOOS == "linux" {
			require.Greater(t, v["rss_peak_bytes"], 1e6)
			require.Greater(t, v["rss_peak_anonymous_bytes"], 1e6)
		}
		require.EqualValues(t, 120, v["vision_patches"])
		require.EqualValues(t, 30, v["vision_tokens"])
		require.EqualValues(t, 2, v["threads"])
		require.Equal(t, autoFormat(), v["format"])
		require.NotEmpty(t, v["cpu"])
		require.NotEmpty(t, v["commit"])
	}
}

// An instruction set that is left out is not among those that were used.
func TestWithout(t *testing.T) {
	names := cpu.Names()
	if len(names) == 0 {
		t.Log("only Go code runs here")
		return
	}
	status, v, log := runTool("-model", model, "-prompt", "40", "-decode", "2", "-repeat", "1", "-without", strings.Join(names, ","))
	require.Zero(t, status, log)
	require.Empty(t, v["features"])
	require.Equal(t, names, cpu.Names())
}

// A template that alone is longer than the text that goes with the picture does not keep its first token from being timed.
func TestLongTemplate(t *testing.T) {
	status, v, log := runTool("-model", "../../../testdata/qwen-vl-small", "-image", "84x84", "-prompt", "60", "-decode", "2", "-repeat", "1")
	require.Zero(t, status, log)
	require.Greater(t, v["first_token_s"], 0.0)
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		args   []string
	}{
		"no model":         {2, nil},
		"no such feature":  {2, []string{"-model", model, "-without", "mmx"}},
		"curves and image": {2, []string{"-model", model, "-curves", "-image", "168x140"}},
		"no comparison":    {1, []string{"-model", model, "-compare", "no-such-file"}},
		"bad size":         {2, []string{"-model", model, "-image", "12"}},
		"unknown format":   {2, []string{"-model", model, "-format", "int3"}},
		"no such weights":  {1, []string{"-model", t.TempDir()}},
		"unknown tower":    {2, []string{"-model", model, "-vision-format", "int2"}},
		"a broken grid":    {1, []string{"-model", model, "-prompt", "40", "-decode", "2", "-repeat", "1", "-image", "150x140"}},
		"too short prompt": {1, []string{"-model", model, "-prompt", "3", "-decode", "2", "-repeat", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, log := runTool(c.args...)
			require.Equal(t, c.status, status, log)
		})
	}
}

// autoFormat is what the library chooses for a small model.
func autoFormat() string {
	if cpu.Int8() {
		return "int8"
	}
	return "f32"
}
