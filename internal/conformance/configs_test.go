package conformance_test

// Configurations as published: parameters, tensors and parts that an inspection finds in them are
// the published ones.

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// publishedSizes are the numbers of parameters of released checkpoints, exact, and how many of them belong to a draft head, which is not
// used. testdata/configs/SOURCES.md says where they are from.
var publishedSizes = map[string]struct{ total, draft int64 }{
	"Qwen-VL-Chat":                {total: 9656935168},
	"Qwen2-VL-2B":                 {total: 2208985600},
	"olmOCR-7B-0225-preview":      {total: 8291375616},
	"Qwen2.5-VL-3B-Instruct":      {total: 3754622976},
	"Qwen2.5-VL-7B-Instruct":      {total: 8292166656},
	"Kimi-VL-A3B-Instruct":        {total: 16407656048},
	"Qwen3-VL-2B-Instruct":        {total: 2127532032},
	"Qwen3-VL-4B-Instruct":        {total: 4437815808},
	"Qwen3-VL-8B-Instruct":        {total: 8767123696},
	"Cosmos-Reason2-8B":           {total: 8767123696},
	"Qwen3-VL-30B-A3B-Instruct":   {total: 31070754032},
	"Qwen3-VL-235B-A22B-Instruct": {total: 235670022896},
	"Qwen3.5-9B":                  {total: 9653104368, draft: 243290624},
	"Qwen3.5-27B":                 {total: 27781427952, draft: 424699392},
	"Qwen3.5-35B-A3B":             {total: 35951822704, draft: 844640768},
	"Qwen2.5-3B-Instruct":         {total: 3085938688},
	"Qwen3-8B":                    {total: 8190735360},
	"Qwen3-30B-A3B-Instruct-2507": {total: 30532122624},
}

// Published configurations resolve to the published number of parameters, to the last one.
func TestPublishedSizes(t *testing.T) {
	for name, want := range publishedSizes {
		t.Run(name, func(t *testing.T) {
			in, err := qwenvl.Inspect(testdata + "/configs/" + name)
			require.NoError(t, err)
			p := in.Parameters
			require.Equal(t, want.total-want.draft, p.Total)
			require.Equal(t, p.Total, p.Vision+p.Adapter+p.Decoder)
			m, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 4096})
			require.NoError(t, err)
			require.Equal(t, 2*p.Total, m.Weights)
		})
	}
	entries, err := os.ReadDir(testdata + "/configs")
	require.NoError(t, err)
	require.Len(t, entries, len(publishedSizes)+1, "a configuration that no line here checks")
}

// The parts that papers and names give, to their last digit.
func TestPublishedParts(t *testing.T) {
	parts := func(name string) qwenvl.Parameters {
		in, err := qwenvl.Inspect(testdata + "/configs/" + name)
		require.NoError(t, err)
		return in.Parameters
	}
	p := parts("Qwen-VL-Chat") // arXiv 2308.12966, table 1: 1.9, 0.08 and 7.7 billion, the first rounded up from 1.84
	require.InDelta(t, 1.9, float64(p.Vision)/1e9, 0.06)
	require.InDelta(t, 0.08, float64(p.Adapter)/1e9, 0.015)
	require.InDelta(t, 7.7, float64(p.Decoder)/1e9, 0.05)
	// Of the active parameters, embedding and head are counted or not, as the makers like: names round.
	active := func(name string, billions, digit float64) {
		p := parts(name)
		require.InDelta(t, billions, float64(p.Active-p.Embedding)/1e9, digit, name)
		require.Less(t, p.Active, p.Decoder)
	}
	active("Kimi-VL-A3B-Instruct", 2.8, 0.3)
	active("Qwen3-VL-30B-A3B-Instruct", 3, 0.5)
	active("Qwen3-VL-235B-A22B-Instruct", 22, 0.5)
	active("Qwen3.5-35B-A3B", 3, 0.5)
	active("Qwen3-30B-A3B-Instruct-2507", 3, 0.5)
}

// Inspect lists the tensors of the released checkpoints, where their names (and mostly shapes) are public: all of them and no others.
func TestPublishedTensors(t *testing.T) {
	files, err := filepath.Glob(testdata + "/configs/*/tensors.txt")
	require.NoError(t, err)
	require.Len(t, files, 11)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			published, head := readTensors(t, file)
			if head != "" { // the list is whole: its source counted too
				tensors, total := 0, int64(0)
				for _, n := range published {
					tensors, total = tensors+1, total+n
				}
				require.Equal(t, head, fmt.Sprintf("%d tensors, %d parameters", tensors, total))
				require.Equal(t, publishedSizes[name].total, total)
			}
			in, err := qwenvl.Inspect(filepath.Dir(file))
			require.NoError(t, err)
			listed := map[string]int64{}
			for _, x := range in.Tensors {
				listed[x.Name] += elements(x.Shape)
			}
			for tensor, n := range published {
				if strings.HasPrefix(tensor, "mtp.") {
					continue // of a draft head, not used
				}
				got, ok := listed[tensor]
				if !ok || head != "" && got != n {
					t.Errorf("%s: %d elements listed, %d in the checkpoint", tensor, got, n)
				}
				delete(listed, tensor)
			}
			for tensor := range listed {
				t.Errorf("%s is listed, and not in the checkpoint", tensor)
			}
		})
	}
}

func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// readTensors reads a list of tensors with their numbers of elements, 0 where shapes are not given. Braces hold the numbers that a part of a
// name takes. A first line that starts with # says what the whole list holds.
func readTensors(t *testing.T, file string) (map[string]int64, string) {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	out, head := map[string]int64{}, ""
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "# "); ok {
			head = rest
			continue
		}
		pattern, shape, _ := strings.Cut(s.Text(), " ")
		n := int64(0)
		if shape != "" {
			var dims []int
			require.NoError(t, json.Unmarshal([]byte(shape), &dims), s.Text())
			n = elements(dims)
		}
		for _, name := range expand(t, pattern) {
			if _, ok := out[name]; ok {
				t.Fatalf("%s is there twice", name)
			}
			out[name] = n
		}
	}
	require.NotEmpty(t, out)
	return out, head
}

// expand returns the names that a pattern such as "layers.{0-2,4}.norm" stands for.
func expand(t *testing.T, pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		return []string{pattern}
	}
	ranges, after, ok := strings.Cut(rest, "}")
	require.True(t, ok, pattern)
	var out []string
	for _, r := range strings.Split(ranges, ",") {
		first, last, ok := strings.Cut(r, "-")
		if !ok {
			last = first
		}
		lo, err := strconv.Atoi(first)
		require.NoError(t, err)
		hi, err := strconv.Atoi(last)
		require.NoError(t, err)
		for i := lo; i <= hi; i++ {
			for _, tail := range expand(t, after) {
				out = append(out, before+strconv.Itoa(i)+tail)
			}
		}
	}
	return out
}
