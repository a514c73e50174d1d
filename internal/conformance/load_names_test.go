package conformance_test

// Tensors as tools leave them: under the names of other versions in any mixture, with what the model
// has no use for, and with a head that contradicts the configuration.

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// Prefixes that the reference's from_pretrained takes of each fixture's class, part by part, the
// fixture's own first. They were found by asking it for every combination of words up to four.
var (
	qwen2VLSpellings = [][]string{
		{"model.", "model.language_model.", "language_model.", "model.model.",
			"model.language_model.model.", "language_model.model.model."},
		{"visual.", "model.visual."},
	}
	qwen3VLSpellings = [][]string{
		{"model.language_model.", "language_model.", "model.model.language_model.",
			"model.language_model.model.", "language_model.model.model."},
		{"model.visual.", "visual.", "model.model.visual."},
		{"lm_head.", "model.lm_head."},
	}
	textSpellings = [][]string{{"model.", "", "model.model."}, {"lm_head.", "model.lm_head."}}
	spellings     = map[string][][]string{
		"qwen2_vl-tiny":       qwen2VLSpellings,
		"qwen2_5_vl-tiny":     qwen2VLSpellings,
		"qwen3_vl_moe-tiny":   qwen3VLSpellings,
		"qwen3_5_moe-tiny":    qwen3VLSpellings,
		"text-tiny/qwen2":     textSpellings,
		"text-tiny/qwen3":     textSpellings,
		"text-tiny/qwen3_moe": textSpellings,
		"qwen-vl-small": {{"transformer.", ""}, {"transformer.visual.", "visual."},
			{"lm_head.", "transformer.lm_head."}},
	}
)

// respelled puts another of its part's prefixes before a tensor's name: the n-th, as choose says.
func respelled(name string, parts [][]string, choose func(n int) int) string {
	var part []string
	for _, p := range parts {
		if strings.HasPrefix(name, p[0]) && (part == nil || len(p[0]) > len(part[0])) {
			part = p
		}
	}
	if part == nil {
		return name
	}
	return part[choose(len(part))] + name[len(part[0]):]
}

// answerOf is what a changed checkpoint says, and what it left over.
func answerOf(t testing.TB, c *ckpt.Checkpoint, picture bool) ([]int, []string) {
	t.Helper()
	m := loadChanged(t, c, qwenvl.WithThreads(1))
	parts := []qwenvl.Part{qwenvl.Text("The red square is left of the circle.")}
	if picture {
		p := qwenvl.ImageFile(imagesDir + "/tiny.png")
		p.Name = "p" // one fixture writes it into the prompt
		parts = append(parts, p)
	}
	r := generate(t, m, qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(parts...)},
		MaxTokens: 3, MaxPixels: 64 * 64, Sampling: qwenvl.Greedy()})
	in := inspected(t, c)
	require.Equal(t, m.Info().Unused, in.Info.Unused)
	return r.Tokens, strings.FieldsFunc(in.Info.Unused, func(r rune) bool { return r == '\n' })
}

func TestEverySpellingOfNames(t *testing.T) {
	for fixture, parts := range spellings {
		t.Run(fixture, func(t *testing.T) {
			base := ckpt.Read(t, testdata+"/"+fixture)
			picture := !strings.HasPrefix(fixture, "text")
			want, _ := answerOf(t, base, picture)
			turn := 0
			for _, choose := range []func(n int) int{
				func(n int) int { return n - 1 },
				func(n int) int { turn++; return turn % n }, // no two neighbours alike
			} {
				c := base.Clone()
				for _, x := range c.Tensors {
					x.Name = respelled(x.Name, parts, choose)
				}
				got, _ := answerOf(t, c, picture)
				require.Equal(t, want, got)
			}
			// A layer too many is found out in each spelling.
			for _, prefix := range parts[0] {
				name := prefix + "layers.99.input_layernorm.weight"
				if fixture == "qwen-vl-small" {
					name = prefix + "h.99.ln_1.weight"
				}
				c := base.Clone()
				c.Tensors = append(c.Tensors, &ckpt.Tensor{Name: name, DType: "F32", Shape: []int{1}, Data: make([]byte, 4)})
				e := loadError(t, c.FS())
				require.NotNil(t, e, name)
				require.Equal(t, name, e.Field)
			}
		})
	}
}

// What the reference leaves over is listed and changes nothing.
func TestLeftOvers(t *testing.T) {
	spare := func(name string) *ckpt.Tensor {
		return &ckpt.Tensor{Name: name, DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}
	}
	for fixture, names := range map[string][]string{
		"qwen2_vl-tiny":   {"score.weight", "v_head.summary.weight", "visual.rotary_pos_emb.inv_freq"},
		"kimi-vl-tiny":    {"classifier.bias", "language_model.model.layers.1.self_attn.rotary_emb.inv_freq"},
		"text-tiny/qwen3": {"layers.0.self_attn.rotary_emb.inv_freq", "model.visual.blocks.0.norm1.weight", "mtp.norm.weight"},
		"qwen-vl-small":   {"transformer.h.0.attn.masked_bias", "transformer.rotary_emb.inv_freq"},
	} {
		base := ckpt.Read(t, testdata+"/"+fixture)
		want, before := answerOf(t, base, false)
		for _, name := range names {
			base.Tensors = append(base.Tensors, spare(name))
		}
		got, unused := answerOf(t, base, false)
		require.Equal(t, want, got, fixture)
		require.Equal(t, slices.Sorted(slices.Values(append(before, names...))), unused, fixture)
	}
}

// The tensors decide what is tied.
func TestTies(t *testing.T) {
	for fixture, embed := range map[string]string{
		"qwen2_vl-tiny":   "model.embed_tokens.weight",
		"text-tiny/qwen3": "model.embed_tokens.weight",
	} {
		base := ckpt.Read(t, testdata+"/"+fixture)
		e := *base.Tensor(t, embed)
		base.Remove("lm_head.")
		base.Set(t, "config.json", "tie_word_embeddings", true)
		tied, unused := answerOf(t, base, false)
		require.Empty(t, unused)

		head := e
		head.Name = "lm_head.weight"
		c := base.Clone()
		c.Tensors = append(c.Tensors, &head)
		got, unused := answerOf(t, c, false)
		require.Equal(t, tied, got, "equal: one of them is enough")
		require.Empty(t, unused)
		one, alone := inspected(t, c), inspected(t, base)
		require.Equal(t, alone.Parameters, one.Parameters)
		a, err := alone.Estimate(qwenvl.EstimateRequest{})
		require.NoError(t, err)
		b, err := one.Estimate(qwenvl.EstimateRequest{})
		require.NoError(t, err)
		require.InEpsilon(t, a.Weights, b.Weights, 0.01, "what is not used takes no memory")

		c = base.Clone()
		c.Tensor(t, embed).Name = "lm_head.weight"
		got, _ = answerOf(t, c, false)
		require.Equal(t, tied, got, "the embedding under the head's name")
		require.Equal(t, one.Parameters, inspected(t, c).Parameters)

		other := head // rows in another order
		row := len(head.Data) / head.Shape[0]
		other.Data = slices.Concat(head.Data[row:], head.Data[:row])
		c = base.Clone()
		c.Tensors = append(c.Tensors, &other)
		both := inspected(t, c).Parameters
		require.Equal(t, one.Parameters.Total+one.Parameters.Embedding, both.Total)
		got, _ = answerOf(t, c, false)
		c.Set(t, "config.json", "tie_word_embeddings", false)
		apart, _ := answerOf(t, c, false)
		require.Equal(t, apart, got, "another head counts, whatever the flag says")
		require.NotEqual(t, tied, got)

		base.Set(t, "config.json", "tie_word_embeddings", false)
		missing := loadError(t, base.FS())
		require.NotNil(t, missing)
		require.Equal(t, "lm_head.weight", missing.Field)
		bias := &ckpt.Tensor{Name: "lm_head.bias", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}
		base.Set(t, "config.json", "tie_word_embeddings", true)
		base.Tensors = append(base.Tensors, bias)
		require.Equal(t, "lm_head.bias", loadError(t, base.FS()).Field)
	}
}

// inspected is what a folder and a file system of the checkpoint both tell.
func inspected(t testing.TB, c *ckpt.Checkpoint) *qwenvl.Inspection {
	t.Helper()
	in, err := qwenvl.Inspect(c.Write(t))
	require.NoError(t, err)
	other, err := qwenvl.InspectFS(c.FS())
	require.NoError(t, err)
	require.Equal(t, in.Info, other.Info)
	require.Equal(t, in.Parameters, other.Parameters)
	return in
}

// Shards hold what the index need not know, and may hold a tensor twice.
func TestShardsBesideTheirIndex(t *testing.T) {
	base := ckpt.Read(t, tinyDir)
	files := base.Shards(t, 3)
	twice := base.Tensors[0]
	more := maps.Clone(files)
	shard := "model-00003-of-00003.safetensors"
	last := base.Tensors[2*len(base.Tensors)/3:]
	f := *files[shard]
	f.Data = ckpt.Encode(append(slices.Clone(last), twice))
	more[shard] = &f
	m, err := qwenvl.LoadFS(more, qwenvl.WithThreads(1))
	require.NoError(t, err)
	require.Equal(t, twice.Name+" ("+shard+")", m.Info().Unused)
	in, err := qwenvl.InspectFS(more)
	require.NoError(t, err)
	require.Equal(t, m.Info().Unused, in.Info.Unused)
	require.NoError(t, m.Close())

	other := *twice
	other.Data = make([]byte, len(twice.Data))
	f.Data = ckpt.Encode(append(slices.Clone(last), &other))
	e := loadError(t, more)
	require.NotNil(t, e)
	require.Equal(t, [2]string{shard, twice.Name}, [2]string{e.File, e.Field})
}
