package conformance_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

var storedFormats = []string{"F32", "BF16", "F16"}

// store stores a tensor in a format that holds its values.
func store(x *ckpt.Tensor, format string) {
	if format == "F32" {
		x.Set(x.Values())
	} else {
		x.Narrow(format)
	}
}

// A checkpoint may store each tensor in a format of its own. Here all formats hold the same values, so
// the results are the same bit for bit, except in tiles of AMX, which add up products of bfloat16 in
// an order of their own.
func TestMixedFormats(t *testing.T) {
	fixtures := maps.Clone(familyFixtures)
	for _, text := range []string{"qwen2", "qwen3", "qwen3_moe"} {
		fixtures["text-tiny/"+text] = ""
	}
	for name, caseName := range fixtures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(testdata, name)
			r := qwenvl.Request{
				Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("The quick brown fox"))},
				Sampling: qwenvl.Greedy(),
			}
			if caseName != "" {
				f, err := golden.Open(dir)
				require.NoError(t, err)
				c, err := f.Case(caseName)
				require.NoError(t, err)
				r = caseRequest(t, c)
			}
			r.MaxTokens = 2

			base := ckpt.Read(t, dir)
			for _, x := range base.Tensors {
				for _, format := range []string{"F16", "BF16", "F32"} { // whose values F16 has too
					store(x, format)
				}
			}
			run := func(c *ckpt.Checkpoint, tokens []int, opts ...qwenvl.Option) (*stages, []int) {
				m, err := qwenvl.LoadFS(c.FS(), opts...)
				require.NoError(t, err)
				s := newStages()
				resp := s.run(t, m, r, tokens)
				require.NoError(t, m.Close())
				return s, resp.Tokens
			}
			same := func(want, got *stages, what string) {
				for _, stage := range []string{"vision.out", "logits"} {
					require.Equal(t, stage == "logits" || caseName != "", want.rows[stage] != nil)
					require.Equal(t, len(want.rows[stage]), len(got.rows[stage]), what)
					if cpu.AMX {
						require.LessOrEqual(t, distance(got.rows[stage], want.rows[stage]), 1e-4, what)
					} else {
						testkit.SameBits(t, want.rows[stage], got.rows[stage])
					}
				}
			}

			want, tokens := run(base, nil)
			for i, x := range base.Tensors { // one at a time
				if len(x.Shape) < 2 {
					continue
				}
				for k, format := range storedFormats[1:] {
					if testing.Short() && (i+k)%2 == 0 {
						continue
					}
					y := *x
					store(&y, format)
					one := &ckpt.Checkpoint{Files: base.Files, Tensors: append([]*ckpt.Tensor{}, base.Tensors...)}
					one.Tensors[i] = &y
					got, _ := run(one, tokens)
					same(want, got, fmt.Sprintf("%s in %s", x.Name, format))
				}
			}
			for shift := range storedFormats { // and all at once, packed or not
				all := base.Clone()
				for i, x := range all.Tensors {
					store(x, storedFormats[(i+shift)%len(storedFormats)])
				}
				for _, format := range []qwenvl.WeightFormat{qwenvl.F32, qwenvl.BF16, qwenvl.Int8, qwenvl.Int4} {
					opt := qwenvl.WithWeightFormat(format)
					alike, _ := run(base, tokens, opt)
					got, _ := run(all, tokens, opt)
					same(alike, got, fmt.Sprintf("mixed %d as %s", shift, format))
				}
			}
		})
	}
}
