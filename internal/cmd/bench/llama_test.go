package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func recorded(t *testing.T, name string) string {
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

// The recorded outputs are of llama.cpp with ggml 0.25.3, Qwen2-VL-2B in Q8_0.
func TestParseLlamaBench(t *testing.T) {
	f, ok := parseLlamaBench(recorded(t, "llama-bench.json"))
	require.True(t, ok)
	require.Equal(t, figures{Prefill: 77.471621, Decode: 18.160871, Version: "1 (0c1e570)"}, f)

	// Older versions write what they load to the same stream.
	_, ok = parseLlamaBench("register_backend: CPU\n" + recorded(t, "llama-bench.json"))
	require.True(t, ok)
	for _, text := range []string{"", "[]", "[{", `{"avg_ts": 1}`, `[{"n_prompt": 4, "n_gen": 0, "avg_ts": 0}]`} {
		_, ok := parseLlamaBench(text)
		require.False(t, ok, text)
	}
}

func TestParseBatchedBench(t *testing.T) {
	rate, ok := parseBatchedBench(recorded(t, "llama-batched-bench.jsonl"), 4)
	require.True(t, ok)
	require.Equal(t, 29.672499, rate)
	_, ok = parseBatchedBench(recorded(t, "llama-batched-bench.jsonl"), 2)
	require.False(t, ok)
}

func TestParseMTMD(t *testing.T) {
	log := recorded(t, "llama-mtmd-cli.txt")
	f, tokens, ok := parseMTMD(log)
	require.True(t, ok)
	require.Equal(t, 270, tokens)
	require.Equal(t, 8.651, f.Vision)
	require.InDelta(t, 12.25097+63*3.82582/64, f.Whole, 1e-9) // the clock of the prompt has the encoder in it

	// Where it has not, the encoder comes on top; slices of a picture add up.
	apart := strings.NewReplacer("12250.97", "3599.97", "I mtmd batch encoding done in 8651 ms", "I image slice encoded in 8000 ms\nI image slice encoded in 651 ms").Replace(log)
	f, _, ok = parseMTMD(apart)
	require.True(t, ok)
	require.Equal(t, 8.651, f.Vision)
	require.InDelta(t, 12.25097+63*3.82582/64, f.Whole, 1e-9)

	for _, lost := range []string{"encoding done", "image decoded", "prompt eval time", "   eval time"} {
		_, _, ok := parseMTMD(strings.ReplaceAll(log, lost, "?"))
		require.False(t, ok, lost)
	}
}
