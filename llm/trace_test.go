package llm_test

// What a traced pass shows inside a layer, for every kind of layer: that it is there, has its
// shape, adds up, and that showing it changes nothing.

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/llm"
)

// trace collects the rows of stages by name and number.
type trace map[string][]float32

func (s trace) take(stage string, index int, x tensor.Tensor) {
	key := fmt.Sprintf("%s.%d", stage, index)
	s[key] = append(s[key], x.Floats()...)
}

// rows returns a stage's rows; the test fails if it is not n rows of some columns.
func (s trace) rows(t *testing.T, n, cols int, stage string, index int) tensor.Tensor {
	t.Helper()
	v := s[fmt.Sprintf("%s.%d", stage, index)]
	require.Len(t, v, n*cols, "%s.%d", stage, index)
	return tensor.FromSlice(n, cols, v)
}

// traced computes a text's logits with a trace, in pieces of chunk tokens.
func (x text) traced(t *testing.T, d *llm.Decoder, chunk int) (trace, []float32) {
	t.Helper()
	ex := tensor.NewExec(2)
	defer ex.Close()
	s := trace{}
	ex.SetTrace(s.take)
	cache := d.NewCache(4096)
	seq := cache.NewSequence(len(x.tokens))
	var b llm.Batch
	var logits []float32
	for lo := 0; lo < len(x.tokens); lo += chunk {
		b.Reset()
		x.add(&b, seq, lo, min(lo+chunk, len(x.tokens)))
		logits = append(logits, forward(t, d, ex, cache, &b).Floats()...)
	}
	return s, logits
}

func TestTraceInsideALayer(t *testing.T) {
	for _, format := range []tensor.Format{tensor.F32, tensor.Int8} {
		for _, fixture := range fixtures {
			t.Run(fmt.Sprint(fixture, format), func(t *testing.T) {
				d := loadAs(t, fixture, format)
				x := newText(d, 1, 70)
				s, logits := x.traced(t, d, 32)
				testkit.SameBits(t, x.whole(t, d, 2, 32), logits)

				ex := tensor.NewExec(2)
				defer ex.Close()
				n, hidden := len(x.tokens), d.Config().HiddenSize
				before := s.rows(t, n, hidden, "inputs_embeds", -1)
				for i := range d.Config().Layers {
					attn := s.rows(t, n, hidden, "llm.attn", i)
					out := s.rows(t, n, hidden, "llm.layer", i)
					require.NotEqual(t, before.Floats(), attn.Floats(), "the mixer adds something")
					requireNormalized(t, d.FeedForwardNorm(i), attn,
						s.rows(t, n, hidden, "llm.ffn_in", i))

					// The rows after the mixer and what the feed-forward part makes of them are the
					// output.
					sum := tensor.New(attn.Rows, attn.Cols)
					copy(sum.Floats(), attn.Floats())
					d.AddFeedForward(ex, i, sum)
					require.NotEqual(t, attn.Floats(), sum.Floats())
					if i < len(x.splice.Deep) {
						deep := x.splice.Deep[i]
						ex.AddRows(sum.Slice(x.splice.Row, x.splice.Row+deep.Rows), deep)
					}
					testkit.SameBits(t, out.Floats(), sum.Floats())
					before = out
				}
			})
		}
	}
}

// requireNormalized demands that y is x after an RMS norm.
func requireNormalized(t *testing.T, n *tensor.Norm, x, y tensor.Tensor) {
	t.Helper()
	for r := range x.Rows {
		sum := 0.0
		for _, v := range x.Row(r) {
			sum += float64(v) * float64(v)
		}
		scale := 1 / math.Sqrt(sum/float64(x.Cols)+float64(n.Eps))
		for i, v := range x.Row(r) {
			want := float64(v) * scale * float64(n.Weight[i])
			require.InDelta(t, want, y.Row(r)[i], 1e-5*(1+math.Abs(want)))
		}
	}
}
