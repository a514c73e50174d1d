package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	model := filepath.Join("..", "..", "internal", "tiny", "model")
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"read", "40718\n", []string{"digits.png", "Read the text."}},
		{"describe", "a green triangle and a blue square\n", []string{"shapes.png", "Describe the picture."}},
		{"count", "3\n", []string{"scene.png", "How many shapes are there?"}},
		{"model folder", "40718\n", []string{"-model", model, "-threads", "1", "digits.png", "Read the text."}},
		{"int8", "40718\n", []string{"-format", "int8", "digits.png", "Read the text."}},
		{"int4", "3\n", []string{"-format", "int4", "scene.png", "How many shapes are there?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			picture := len(c.args) - 2
			c.args[picture] = filepath.Join("..", "..", "testdata", c.args[picture])
			var stdout, stderr bytes.Buffer
			require.NoError(t, run(t.Context(), c.args, nil, &stdout, &stderr))
			require.Equal(t, c.want, stdout.String())
			if c.args[0] == "-model" {
				require.Empty(t, stderr.String())
			} else {
				require.Contains(t, stderr.String(), "The toy model answers")
			}
		})
	}
}

// A picture may come from standard input, and several make one question.
func TestRunPictures(t *testing.T) {
	ask := func(args ...string) (string, error) {
		picture, err := os.Open("../../testdata/digits.png")
		require.NoError(t, err)
		defer picture.Close()
		var stdout bytes.Buffer
		err = run(t.Context(), append(args, "Read the text."), picture, &stdout, io.Discard)
		return stdout.String(), err
	}
	got, err := ask("-")
	require.NoError(t, err)
	require.Equal(t, "40718\n", got)
	got, err = ask("../../testdata/shapes.png", "-")
	require.NoError(t, err)
	require.NotEmpty(t, got, "a guess of a model that knows one picture")
	_, err = ask("-", "-")
	require.ErrorContains(t, err, "twice")
	_, err = ask("../../testdata/shapes.png", "none.png")
	require.ErrorContains(t, err, "none.png")
}

func TestRunCut(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-tokens", "2", "../../testdata/digits.png", "Read the text."}, nil, &stdout, &stderr))
	require.Equal(t, "40\n", stdout.String())
	require.Contains(t, stderr.String(), "cut at 2 tokens")
}

func TestRunErrors(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.png")
	require.NoError(t, os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\nno more"), 0o644))
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no arguments", "got 0 arguments", nil},
		{"no question", "got 1 arguments", []string{"a.png"}},
		{"unknown flag", "flag provided but not defined", []string{"-x", "a.png", "What?"}},
		{"no such picture", "none.png", []string{"none.png", "What?"}},
		{"broken picture", "broken.png", []string{broken, "What?"}},
		{"no such model", "nowhere", []string{"-model", "nowhere", "../../testdata/digits.png", "What?"}},
		{"pixels", "-1", []string{"-max-pixels", "-1", "../../testdata/digits.png", "What?"}},
		{"format", "int3", []string{"-format", "int3", "../../testdata/digits.png", "What?"}},
		{"threads", "WithThreads", []string{"-threads", "-1", "../../testdata/digits.png", "What?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.ErrorContains(t, run(t.Context(), c.args, nil, &stdout, &stderr), c.want)
			require.Empty(t, stdout.String())
		})
	}
}

func TestRunHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, nil, &stdout, &stderr), flag.ErrHelp)
	require.Contains(t, stderr.String(), "usage: describe")
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.ErrorIs(t, run(ctx, []string{"../../testdata/digits.png", "Read the text."}, nil, &stdout, &stderr), context.Canceled)
}

type closedPipe struct{}

var errPipe = errors.New("pipe is closed")

func (closedPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestRunClosedOutput(t *testing.T) {
	require.ErrorIs(t, run(t.Context(), []string{"../../testdata/digits.png", "Read the text."}, nil, closedPipe{}, io.Discard), errPipe)
}
