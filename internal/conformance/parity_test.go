package conformance_test

// One family's fixture against the reference, stage by stage, and against itself in chunks, threads
// and storage formats. families_test.go has the others, by the parity tool.

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/cpu"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

func openTiny(t testing.TB) *golden.Fixture {
	t.Helper()
	f, err := golden.Open(tinyDir)
	require.NoError(t, err)
	require.NotEmpty(t, f.Cases)
	return f
}

func openCase(t testing.TB, name string) (*golden.Fixture, *golden.Case) {
	t.Helper()
	f := openTiny(t)
	c, err := f.Case(name)
	require.NoError(t, err)
	return f, c
}

// Every stage of every case lies within the fixture's bounds, and the text is the reference's.
func TestStagesWithinBounds(t *testing.T) {
	f := openTiny(t)
	m := loadTiny(t)
	for _, name := range f.Cases {
		t.Run(name, func(t *testing.T) {
			c, err := f.Case(name)
			require.NoError(t, err)
			compared, wrong := compareCase(t, m, f, c)
			require.Empty(t, wrong)
			require.Greater(t, compared, 15)

			r := caseRequest(t, c)
			resp, err := m.Generate(context.Background(), r)
			require.NoError(t, err)
			require.Equal(t, *c.TextWithSpecial, resp.Text)
			n, err := m.CountTokens(r)
			require.NoError(t, err)
			require.Equal(t, resp.Usage.PromptTokens, n)
			require.Equal(t, len(resp.Tokens), resp.Usage.CompletionTokens)
			want, ok := c.Stage("vision.out")
			require.True(t, ok)
			vision := want.Shape[0]
			if second, ok := c.Stage("vision2.out"); ok {
				vision += second.Shape[0]
			}
			require.Equal(t, vision, resp.Usage.VisionTokens)
		})
	}
}

// Logits are the same bit for bit however the prompt is cut and however many threads there are.
func TestChunksAndThreadsChangeNothing(t *testing.T) {
	_, c := openCase(t, "image_video")
	r := caseRequest(t, c)
	var want *stages
	for _, o := range [][2]int{{512, 1}, {512, 2}, {512, 3}, {1, 1}, {7, 2}, {64, 1}} {
		m := loadTiny(t, qwenvl.WithPrefillChunk(o[0]), qwenvl.WithThreads(o[1]))
		s := newStages()
		s.run(t, m, r, nil)
		if want == nil {
			want = s
			continue
		}
		for _, stage := range []string{"vision.out", "inputs_embeds", "llm.layer.2", "logits"} {
			testkit.SameBits(t, want.rows[stage], s.rows[stage])
		}
	}
}

// A prompt of more than 2048 tokens gives the same logits in chunks as in one piece, with a picture and without.
func TestLongPromptInChunks(t *testing.T) {
	long := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 130)
	for name, parts := range map[string][]qwenvl.Part{
		"text":    {qwenvl.Text(long)},
		"picture": {qwenvl.Text(long[:2000]), qwenvl.ImageFile(imagesDir + "/shapes_a.png"), qwenvl.Text(long)},
	} {
		t.Run(name, func(t *testing.T) {
			r := qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(parts...)}, MaxTokens: 6, Sampling: qwenvl.Greedy()}
			var want *stages
			for _, chunk := range []int{4096, 512, 100} {
				m := loadTiny(t, qwenvl.WithPrefillChunk(chunk))
				s := newStages()
				ctx := hooks.With(context.Background(), &hooks.Hooks{Prompt: s.take, Trace: s.trace})
				resp, err := m.Generate(ctx, r)
				require.NoError(t, err)
				require.Greater(t, resp.Usage.PromptTokens, 2048)
				if want == nil {
					want = s
					continue
				}
				testkit.SameBits(t, want.rows["llm.layer.2"], s.rows["llm.layer.2"])
				testkit.SameBits(t, want.rows["logits"], s.rows["logits"])
			}
		})
	}
}

// A checkpoint in bfloat16 or float16, in one file or in shards, computes what its values give in float32, bit for bit, but in tiles of AMX, which
// add up products of bfloat16 in an order of their own.
func TestStorageFormats(t *testing.T) {
	_, c := openCase(t, "image")
	r := caseRequest(t, c)
	for _, format := range []string{"BF16", "F16"} {
		t.Run(format, func(t *testing.T) {
			wide, narrow := ckpt.Read(t, tinyDir), ckpt.Read(t, tinyDir)
			for i := range wide.Tensors {
				narrow.Tensors[i].Narrow(format)
				wide.Tensors[i].Set(narrow.Tensors[i].Values())
			}
			want := newStages()
			resp := want.run(t, loadChanged(t, wide), r, nil)
			for _, shards := range []int{0, 4} {
				fsys := narrow.FS()
				if shards > 0 {
					fsys = narrow.Shards(t, shards)
				}
				m, err := qwenvl.LoadFS(fsys)
				require.NoError(t, err)
				got := newStages()
				require.Equal(t, resp.Tokens, got.run(t, m, r, nil).Tokens)
				require.NoError(t, m.Close())
				for _, stage := range []string{"vision.out", "logits"} {
					if format == "BF16" && cpu.AMX {
						require.Equal(t, len(want.rows[stage]), len(got.rows[stage]))
						require.LessOrEqual(t, distance(got.rows[stage], want.rows[stage]), 1e-5)
					} else {
						testkit.SameBits(t, want.rows[stage], got.rows[stage])
					}
				}
			}
		})
	}
}
