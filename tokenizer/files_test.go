package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// readTestdata returns a file of ../testdata/tokenizers, unpacked if it ends in .gz.
func readTestdata(t testing.TB, elem ...string) []byte {
	t.Helper()
	path := filepath.Join(append([]string{"..", "testdata", "tokenizers"}, elem...)...)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	if !strings.HasSuffix(path, ".gz") {
		return data
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	data, err = io.ReadAll(z)
	require.NoError(t, err)
	return data
}

// readLines calls row with each line of a file of JSON lines.
func readLines[T any](t testing.TB, name string, row func(n int, r T)) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(readTestdata(t, name)))
	n := 0
	for ; ; n++ {
		var r T
		err := dec.Decode(&r)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		row(n+1, r)
	}
	require.NotZero(t, n)
}

var (
	fullJSON = sync.OnceValues(func() (*Tokenizer, error) {
		data, err := gunzip("qwen3-tokenizer.json.gz")
		if err != nil {
			return nil, err
		}
		return ParseJSON(data)
	})
	fullTiktoken = sync.OnceValues(func() (*Tokenizer, error) {
		data, err := gunzip("qwen.tiktoken.gz")
		if err != nil {
			return nil, err
		}
		return ParseTiktoken(data, ImageTagOptions())
	})
)

func gunzip(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join("..", "testdata", "tokenizers", name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// full returns the tokenizer with the published vocabulary of 151,643 tokens.
func full(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := fullJSON()
	require.NoError(t, err)
	return tok
}

func fullRanks(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := fullTiktoken()
	require.NoError(t, err)
	return tok
}

// tiny returns the tokenizer.json of a small checkpoint.
func tiny(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tok, err := ParseJSON(readTestdata(t, name, "tokenizer.json"))
	require.NoError(t, err)
	return tok
}

// tinyHan returns a small tokenizer with SplitHan.
func tinyHan(t testing.TB) *Tokenizer {
	t.Helper()
	options := HanOptions(readTestdata(t, "kimi-tiny", "tokenizer_config.json"))
	tok, err := ParseTiktoken(readTestdata(t, "kimi-tiny", "tiktoken.model"), options)
	require.NoError(t, err)
	return tok
}
