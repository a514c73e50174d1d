package conformance_test

// Formats of weights: close to float32, the same bits for any chunks, threads and company.

import (
	"context"
	"image"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// formatBounds is how far stages may be from our own float32, as the norm of the difference over that of the stage. The small fixtures have
// random weights, with which an error grows from layer to layer far more than in a trained model, and a token near a boundary chooses other
// experts. That shows in bfloat16 too, so the bounds are in times of the error that rounding the weights to bfloat16 makes at
// the same stage (2⁻⁹ a weight at most). Kimi's weights are bfloat16 already: it has bounds of its own. docs/performance.md has figures of larger models.
var formatBounds = map[qwenvl.WeightFormat]struct{ times, alone float64 }{qwenvl.Int8: {16, 0.12}, qwenvl.Int4: {90, 0.6}}

// In every format a request computes the same bits however its prompt is cut and however many threads there are, and stages stay close
// to those of float32.
func TestFormats(t *testing.T) {
	for name, caseName := range familyFixtures {
		f, err := golden.Open(filepath.Join(testdata, name))
		require.NoError(t, err)
		c, err := f.Case(caseName)
		require.NoError(t, err)
		r := caseRequest(t, c)
		exact, resp := runIn(t, f.Dir, r, nil)
		rounded, _ := runIn(t, f.Dir, r, resp.Tokens, qwenvl.WithWeightFormat(qwenvl.BF16))
		for format, bounds := range formatBounds {
			t.Run(name+"/"+string(format), func(t *testing.T) {
				got := formatBits(t, f.Dir, r, resp.Tokens, format)
				worst := map[string]float64{}
				for stage, rows := range got.rows {
					if len(rows) != len(exact.rows[stage]) || strings.Contains(stage, "rope") {
						continue
					}
					bound := bounds.alone
					if e := distance(rounded.rows[stage], exact.rows[stage]); e > 0 {
						bound = bounds.times * e
					}
					d := distance(rows, exact.rows[stage])
					require.LessOrEqual(t, d, bound, stage)
					class := strings.TrimRight(stage, ".0123456789")
					worst[class] = max(worst[class], d)
				}
				require.NotEmpty(t, worst)
				t.Logf("largest relative error by kind of stage: %.2v", worst)
			})
		}
	}
}

// formatBits runs a request with chunks and threads of different sizes and demands the same bits of all.
func formatBits(t *testing.T, dir string, r qwenvl.Request, tokens []int, format qwenvl.WeightFormat) *stages {
	t.Helper()
	var want *stages
	for _, o := range [][2]int{{512, 1}, {1, 2}, {7, 3}} {
		got, _ := runIn(t, dir, r, tokens, qwenvl.WithWeightFormat(format), qwenvl.WithPrefillChunk(o[0]), qwenvl.WithThreads(o[1]))
		if want == nil {
			want = got
			continue
		}
		for stage, rows := range want.rows {
			if stage != "llm.norm" && len(rows) == len(got.rows[stage]) || stage == "logits" {
				testkit.SameBits(t, rows, got.rows[stage])
			}
		}
	}
	return want
}

func runIn(t *testing.T, dir string, r qwenvl.Request, forced []int, opts ...qwenvl.Option) (*stages, *qwenvl.Response) {
	t.Helper()
	m, err := qwenvl.Load(dir, opts...)
	require.NoError(t, err)
	s := newStages()
	resp := s.run(t, m, r, forced)
	require.NoError(t, m.Close())
	return s, resp
}

// distance is |a - b| / |b|.
func distance(a, b []float32) float64 {
	var d, n float64
	for i, v := range b {
		d += float64(a[i]-v) * float64(a[i]-v)
		n += float64(v) * float64(v)
	}
	return math.Sqrt(d / max(n, 1e-30))
}

// Packed or not, a request's answer does not depend on what runs beside it.
func TestFormatsConcurrent(t *testing.T) {
	requests := mixed(8)
	for _, format := range []qwenvl.WeightFormat{qwenvl.Int8, qwenvl.Int4} {
		serial := loadTiny(t, qwenvl.WithThreads(1), qwenvl.WithWeightFormat(format))
		m := loadTiny(t, qwenvl.WithThreads(2), qwenvl.WithPrefillChunk(7), qwenvl.WithWeightFormat(format))
		var wg sync.WaitGroup
		got, errs := make([]*qwenvl.Response, len(requests)), make([]error, len(requests))
		for i, r := range requests { // the first pictures come while the tower is being packed
			wg.Go(func() { got[i], errs[i] = m.Generate(context.Background(), r) })
		}
		wg.Wait()
		for i, r := range requests {
			require.NoError(t, errs[i])
			require.Equal(t, generate(t, serial, r).Tokens, got[i].Tokens, "request %d", i)
		}
	}
}

// The tower's format follows the decoder's unless it is chosen; Auto is resolved at Load.
func TestFormatOptions(t *testing.T) {
	for _, c := range []struct {
		opts        []qwenvl.Option
		text, tower qwenvl.WeightFormat
	}{
		{nil, qwenvl.F32, qwenvl.F32},
		{[]qwenvl.Option{qwenvl.WithWeightFormat(qwenvl.BF16)}, qwenvl.BF16, qwenvl.BF16},
		{[]qwenvl.Option{qwenvl.WithWeightFormat(qwenvl.Int8)}, qwenvl.Int8, qwenvl.Int8},
		{[]qwenvl.Option{qwenvl.WithWeightFormat(qwenvl.Int4)}, qwenvl.Int4, qwenvl.Int8},
		{[]qwenvl.Option{qwenvl.WithWeightFormat(qwenvl.Int4), qwenvl.WithVisionFormat(qwenvl.F32)}, qwenvl.Int4, qwenvl.F32},
		{[]qwenvl.Option{qwenvl.WithVisionFormat(qwenvl.Int4)}, qwenvl.F32, qwenvl.Int4},
	} {
		i := loadTiny(t, c.opts...).Info()
		require.Equal(t, c.text, i.WeightFormat)
		require.Equal(t, c.tower, i.VisionFormat)
	}
	i := loadTiny(t, qwenvl.WithWeightFormat(qwenvl.Auto), qwenvl.WithVisionFormat(qwenvl.Auto)).Info()
	require.NotEqual(t, qwenvl.Auto, i.WeightFormat)
	require.NotEqual(t, qwenvl.Auto, i.VisionFormat)
	for _, o := range []qwenvl.Option{qwenvl.WithWeightFormat("int3"), qwenvl.WithWeightFormat(""), qwenvl.WithVisionFormat("q8")} {
		_, err := qwenvl.Load(tinyDir, o)
		require.ErrorContains(t, err, "unknown format")
	}
}

// A caller who leaves while the tower is packed leaves it to the next one.
func TestPackingIsCancelled(t *testing.T) {
	m := loadTiny(t, qwenvl.WithWeightFormat(qwenvl.Int8))
	r := qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Image(image.NewGray(image.Rect(0, 0, 56, 56))), qwenvl.Text("What?"))},
		MaxTokens: 4, Sampling: qwenvl.Greedy(),
	}
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*100)*time.Microsecond)
		if _, err := m.Generate(ctx, r); err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		cancel()
	}
	want := generate(t, loadTiny(t, qwenvl.WithWeightFormat(qwenvl.Int8)), r)
	require.Equal(t, want.Tokens, generate(t, m, r).Tokens)
}
