package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

func TestLoad(t *testing.T) {
	load := func(args ...string) (string, error) {
		var m Model
		f := flag.NewFlagSet("", flag.ContinueOnError)
		m.Flags(f)
		require.NoError(t, f.Parse(args))
		var notes bytes.Buffer
		loaded, err := m.Load(&notes)
		if err == nil {
			require.NoError(t, loaded.Close())
		}
		return notes.String(), err
	}
	notes, err := load("-threads", "1", "-format", "int8")
	require.NoError(t, err)
	require.Contains(t, notes, "The toy model answers")
	for _, q := range qwenvltest.Asks() {
		require.Contains(t, notes, q)
	}
	_, err = load("-model", filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = load("-format", "int3")
	require.ErrorContains(t, err, "int3")

	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, qwenvltest.FS()))
	notes, err = load("-model", dir)
	require.NoError(t, err)
	require.Empty(t, notes, "a model of the caller's needs no word")
}

func TestIsTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, IsTerminal(f), "a file")

	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	require.False(t, IsTerminal(null), "the null device")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	require.False(t, IsTerminal(w), "a pipe")
	require.Nil(t, NewProgress(w).out)
}

func TestProgress(t *testing.T) {
	clock := time.Unix(1000, 0)
	var out bytes.Buffer
	p := newProgress(&out, func() time.Time { return clock })
	vision := func(done int) qwenvl.Progress { return qwenvl.Progress{Stage: "vision", Done: done, Total: 8} }

	p.Report(vision(1))
	require.Empty(t, out.String(), "short work shows nothing")
	p.Clear()
	require.Empty(t, out.String(), "nothing to wipe")

	clock = clock.Add(2 * time.Second)
	p.Report(vision(2))
	require.Equal(t, "\rlooking  25 % (2 s)", out.String())

	out.Reset()
	clock = clock.Add(progressEvery / 2)
	p.Report(vision(3))
	require.Empty(t, out.String(), "not more often than the limit")

	clock = clock.Add(time.Second)
	p.Report(qwenvl.Progress{Stage: "prefill", Done: 100, Total: 100})
	require.Equal(t, "\rreading 100 % (3 s)", out.String())

	out.Reset()
	p.Clear()
	require.Equal(t, "\r                   \r", out.String(), "the whole line is wiped")

	out.Reset()
	p.Report(vision(1))
	require.Empty(t, out.String(), "time counts anew")
}

func TestProgressOff(t *testing.T) {
	clock := time.Unix(1000, 0)
	p := newProgress(nil, func() time.Time { return clock })
	clock = clock.Add(time.Hour)
	p.Report(qwenvl.Progress{Stage: "vision", Done: 1, Total: 2})
	p.Clear()
	require.Zero(t, p.width)
}
