package conformance_test

// Variants of configurations that mean the same, or that differ in one known way.

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// What a family's requests give beside others in a batch is what they give one by one, token by token, also where tokens are drawn and so
// hang on each logit.
func TestFamiliesBesideOthers(t *testing.T) {
	for name := range familyFixtures {
		t.Run(name, func(t *testing.T) {
			f, err := golden.Open(filepath.Join(testdata, name))
			require.NoError(t, err)
			var requests []qwenvl.Request
			for i, caseName := range f.Cases {
				c, err := f.Case(caseName)
				require.NoError(t, err)
				r := caseRequest(t, c)
				requests = append(requests, r)
				r.Sampling = &qwenvl.Sampling{Temperature: 1.2, Seed: uint64(7 + i)}
				r.MaxTokens = 30
				requests = append(requests, r)
			}
			serial, err := qwenvl.Load(f.Dir, qwenvl.WithThreads(1))
			require.NoError(t, err)
			want := make([]*qwenvl.Response, len(requests))
			for i, r := range requests {
				want[i] = generate(t, serial, r)
			}
			require.NoError(t, serial.Close())
			for _, opts := range [][]qwenvl.Option{
				{qwenvl.WithThreads(2), qwenvl.WithPrefillChunk(7), qwenvl.WithMaxBatch(3)},
				{qwenvl.WithThreads(1), qwenvl.WithPrefillChunk(64), qwenvl.WithMaxBatch(16)},
			} {
				m, err := qwenvl.Load(f.Dir, opts...)
				require.NoError(t, err)
				got, errs := make([]*qwenvl.Response, len(requests)), make([]error, len(requests))
				var wg sync.WaitGroup
				for i, r := range requests {
					wg.Go(func() { got[i], errs[i] = m.Generate(context.Background(), r) })
				}
				wg.Wait()
				require.NoError(t, m.Close())
				for i := range requests {
					require.NoError(t, errs[i])
					require.Equal(t, want[i].Tokens, got[i].Tokens, "request %d", i)
				}
			}
		})
	}
}

// Lists of blocks mean the same in any order: inner features enter the decoder in the order of the tower's blocks, each through the merger
// that the list gives its block.
func TestListsOfBlocks(t *testing.T) {
	for _, c := range []struct {
		fixture, caseName, path string
		list                    []int
		swap                    string // a part of tensors' names in which 0 and 1 change places
	}{
		{"qwen3_vl_moe-tiny", "image_video", "vision_config.deepstack_visual_indexes", []int{1, 0}, ".deepstack_merger_list."},
		{"qwen2_5_vl-tiny", "image_video", "vision_config.fullatt_block_indexes", []int{3, 1}, ""},
		{"qwen2_5_vl-tiny", "image_video", "vision_config.fullatt_block_indexes", []int{1, 3, 7, 7, 31}, ""},
	} {
		dir := filepath.Join(testdata, c.fixture)
		f, err := golden.Open(dir)
		require.NoError(t, err)
		gc, err := f.Case(c.caseName)
		require.NoError(t, err)
		r := caseRequest(t, gc)
		whole, err := qwenvl.Load(dir)
		require.NoError(t, err)
		want, got := newStages(), newStages()
		want.run(t, whole, r, nil)
		require.NoError(t, whole.Close())

		x := ckpt.Read(t, dir)
		x.Set(t, "config.json", c.path, c.list)
		for _, w := range x.Tensors {
			if c.swap == "" || !strings.Contains(w.Name, c.swap) {
				continue
			}
			to := c.swap + "1."
			if strings.Contains(w.Name, to) {
				w.Name = strings.Replace(w.Name, to, c.swap+"0.", 1)
			} else {
				w.Name = strings.Replace(w.Name, c.swap+"0.", to, 1)
			}
		}
		got.run(t, loadChanged(t, x), r, nil)
		testkit.SameBits(t, want.rows["vision.out"], got.rows["vision.out"])
		testkit.SameBits(t, want.rows["logits"], got.rows["logits"])
	}
}

// The norm of Kimi-VL's latent keeps its own epsilon, whatever rms_norm_eps says. With the fixtures' values the difference is too small to
// show in numbers.
func TestLatentNormEpsilon(t *testing.T) {
	x := ckpt.Read(t, testdata+"/kimi-vl-tiny")
	for _, eps := range []float64{1e-5, 0.01} {
		x.Set(t, "config.json", "text_config.rms_norm_eps", eps)
		spec, err := family.Load(checkpoint.OpenFS(x.FS()))
		require.NoError(t, err)
		require.Equal(t, float32(eps), spec.LLM.Eps)
		require.Equal(t, float32(1e-6), spec.LLM.Layers[0].MLA.Eps)
	}
}
