package weights

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// seeing is a model of two parts with a head, in the spellings of two versions.
var seeing = []Part{
	{Prefixes: []string{"model.", "model.text.", ""}, Probe: "norm.weight"},
	{Prefixes: []string{"visual.", "model.visual."}, Probe: "patch.weight"},
	{Prefixes: []string{"", "model."}, Probe: "lm_head.weight"},
}

func among(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// Each tensor is found where it is, each part for itself, and in a join each piece for itself.
func TestSpell(t *testing.T) {
	as := func(r Ref) Names { return func(string) Ref { return r } }
	for _, c := range []struct {
		has        []string
		name, want string
	}{
		{nil, "model.layers.0.q", "model.layers.0.q"},
		{[]string{"model.text.layers.0.q"}, "model.layers.0.q", "model.text.layers.0.q"},
		{[]string{"layers.0.q"}, "model.layers.0.q", "layers.0.q"},
		{[]string{"layers.0.q", "model.layers.0.q"}, "model.layers.0.q", "model.layers.0.q"},
		{[]string{"model.visual.patch.weight"}, "visual.patch.weight", "model.visual.patch.weight"},
		{[]string{"model.lm_head.weight"}, "lm_head.weight", "model.lm_head.weight"},
		{[]string{"text.layers.0.q"}, "model.layers.0.q", "model.layers.0.q"}, // no spelling
		// What is nowhere has the spelling of the rest of its part.
		{[]string{"model.text.norm.weight"}, "model.layers.0.q", "model.text.layers.0.q"},
		{[]string{"model.visual.patch.weight"}, "visual.blocks.0.q", "model.visual.blocks.0.q"},
		{[]string{"model.visual.patch.weight"}, "model.layers.0.q", "model.layers.0.q"},
	} {
		names := Spell(as(Ref{Name: c.name, Lo: 1, Hi: 2}), seeing, among(c.has...))
		require.Equal(t, Ref{Name: c.want, Lo: 1, Hi: 2}, names("x"), "%v", c)
	}
	joined := Ref{Join: []Ref{{Name: "model.q"}, {Name: "model.k"}}}
	names := Spell(as(joined), seeing, among("model.q", "model.text.k"))
	require.Equal(t, Ref{Join: []Ref{{Name: "model.q"}, {Name: "model.text.k"}}}, names("x"))
	require.Equal(t, "model.k", joined.Join[1].Name, "the family's own is not touched")
	require.Equal(t, "odd", Spell(as(Ref{Name: "odd"}), seeing[:2], among())("x").Name)
}

// What is left over belongs to the model, by its place, or is none of its business.
func TestLeftOvers(t *testing.T) {
	scalar := func(name string) named { return named{name, F32, []int{1}, f32(2)} }
	wanted := []named{
		scalar("model.layers.0.q"), scalar("model.norm.weight"), scalar("visual.blocks.0.q"),
		scalar("lm_head.weight"),
	}
	finish := func(t *testing.T, drop bool, more ...named) (*Loader, error) {
		ld := NewLoader(source(t, 0, append(slices.Clone(wanted), more...)...), nil)
		ld.Parts(seeing)
		for _, w := range wanted {
			ld.Vector(w.name, 1)
		}
		if drop {
			ld.Vector("model.gone", 1)
		}
		return ld, ld.Finish()
	}
	mask := named{"model.layers.0.mask", BOOL, []int{1}, []byte{1}}
	spare := []string{
		"v_head.summary.weight", "score.weight", "mtp.layers.0.q", "model.layer.7.q", "other",
		"model.mtp.x", "model.vision.blocks.1.q", "model.visual.head.weight", "visual",
		"model.layers.0.rotary_emb.inv_freq", "layers.9.rotary_emb.cos_cached",
		"visual.rotary_pos_emb.inv_freq", "model.layers.0.masked_bias",
	}
	for _, name := range spare {
		ld, err := finish(t, false, scalar(name), mask)
		require.NoError(t, err, name)
		require.ElementsMatch(t, []string{mask.name, name}, ld.Unused())
	}
	for _, name := range []string{
		"model.layers.9.q", "model.text.layers.9.q", "layers.9.q", "model.layers.0.q.bias",
		"model.norm.bias", "visual.blocks.1.q", "model.visual.blocks.1.q", "lm_head.bias",
		"model.lm_head.bias", "model.layers.rotary",
	} {
		_, err := finish(t, false, scalar(name), scalar("score.weight"))
		var unused *UnusedError
		require.ErrorAs(t, err, &unused, name)
		require.Equal(t, []string{name}, unused.Tensors)
	}
	// What is missing may be there under another name.
	_, err := finish(t, true, scalar("score.weight"))
	var unused *UnusedError
	require.ErrorAs(t, err, &unused)
	require.Equal(t, []string{"score.weight"}, unused.Tensors)

	// One tensor under two spellings: its values must be the same.
	ld, err := finish(t, false, scalar("model.text.norm.weight"))
	require.NoError(t, err)
	require.Equal(t, []string{"model.text.norm.weight"}, ld.Unused())
	_, err = finish(t, false, named{"model.text.norm.weight", F32, []int{1}, f32(3)})
	require.ErrorAs(t, err, &unused)

	// By names alone the same is told, and the second spelling is taken to be equal.
	var names []string
	for _, w := range wanted {
		names = append(names, w.name)
	}
	require.Equal(t, spare, Unused(seeing, slices.Concat(names, spare, []string{"model.layers.9.q"}), names))
	require.Equal(t, []string{"norm.weight"}, Unused(seeing, append(names, "norm.weight"), names))
}

// What a matrix is bound again for may be stored too, and need not.
func TestAgainCoversATie(t *testing.T) {
	for _, more := range [][]named{nil, {{"head.weight", F32, []int{2, 2}, seq(4)}}} {
		src := source(t, 0, append(more, named{"embed.weight", F32, []int{2, 2}, seq(4)})...)
		ld := NewLoader(src, nil)
		m := ld.Matrix("embed", 2, 2)
		require.Same(t, m, ld.Again(m, "head", 2, 2))
		require.NoError(t, ld.Finish())
		require.Empty(t, ld.Unused())
	}
	ld, plan := NewPlanner(nil)
	ld.Again(ld.Matrix("embed", 2, 2), "head", 2, 2)
	require.ElementsMatch(t, []string{"embed.weight", "head.weight"}, plan.Wanted())
}

// Values are compared, whatever they are stored as.
func TestEqual(t *testing.T) {
	const big = 1<<16 + 5 // more than a chunk
	long := seq(big)
	other := seq(big)
	other[len(other)-1] ^= 1
	nan := float32(math.NaN())
	src := source(t, 0,
		named{"a", F32, []int{2, 2}, f32(1, 2, 0, 4)},
		named{"same", F32, []int{2, 2}, f32(1, 2, 0, 4)},
		named{"zero", F32, []int{2, 2}, f32(1, 2, float32(math.Copysign(0, -1)), 4)},
		named{"half", F16, []int{2, 2}, u16(0x3c00, 0x4000, 0, 0x4400)},
		named{"shape", F32, []int{4}, f32(1, 2, 0, 4)},
		named{"value", BF16, []int{2, 2}, u16(0x3f80, 0x4000, 0, 0x4081)},
		named{"nan", F32, []int{1}, f32(nan)}, named{"nan2", F32, []int{1}, f32(-nan)},
		named{"bytes", U8, []int{1}, []byte{1}}, named{"bytes2", U8, []int{1}, []byte{1}},
		named{"signed", I8, []int{1}, []byte{1}},
		named{"long", F32, []int{big}, long}, named{"long2", F32, []int{big}, seq(big)},
		named{"other", F32, []int{big}, other},
		named{"none", F32, []int{0}, nil}, named{"none2", F16, []int{0}, nil},
	)
	for _, pair := range [][2]string{
		{"a", "same"}, {"a", "zero"}, {"a", "half"}, {"bytes", "bytes2"}, {"long", "long2"},
		{"none", "none2"}, {"a", "a"},
	} {
		require.True(t, src.Equal(pair[0], pair[1]), "%v", pair)
		require.True(t, src.Equal(pair[1], pair[0]), "%v", pair)
	}
	for _, pair := range [][2]string{
		{"a", "shape"}, {"a", "value"}, {"half", "value"}, {"nan", "nan2"}, {"bytes", "signed"},
		{"long", "other"}, {"a", "nothing"}, {"nothing", "a"},
	} {
		require.False(t, src.Equal(pair[0], pair[1]), "%v", pair)
		require.False(t, src.Equal(pair[1], pair[0]), "%v", pair)
	}
}

// A tensor that an index has in a file which has it not is missing there if it is wanted, else left
// over.
func TestExpect(t *testing.T) {
	src := source(t, 0, named{"a", F32, []int{1}, f32(1)})
	src.Expect("b", "dir/two", "dir/index.json")
	ld := NewLoader(src, nil)
	ld.Vector("a", 1)
	require.NoError(t, ld.Finish())
	require.Equal(t, []string{"b (index.json)"}, ld.Unused())
	require.Equal(t, ld.Unused(), src.Extra())
	ld = NewLoader(src, nil)
	ld.Vector("a", 1)
	ld.Vector("b", 1)
	var missing *MissingError
	require.ErrorAs(t, ld.Finish(), &missing)
	require.Equal(t, "dir/two", missing.File)
}

// Of any names, those that are wanted are found and never left over, and what is left over is the
// same by names and by binding.
func FuzzLeftOvers(f *testing.F) {
	f.Add("model.layers.0.q\nvisual.blocks.0.q", "model.layers.1.q\nscore\nmodel.text.layers.0.q")
	f.Add("norm\n.\n..", "model.\nmodel..\n")
	f.Fuzz(func(t *testing.T, want, more string) {
		lines := func(s string) []string {
			names := strings.Split(s, "\n")
			slices.Sort(names)
			return slices.Compact(names[:min(len(names), 30)])
		}
		wanted := lines(want)
		left := slices.DeleteFunc(lines(more), func(s string) bool { return slices.Contains(wanted, s) })
		var tensors []named
		for _, name := range append(slices.Clone(wanted), left...) {
			tensors = append(tensors, named{name, F32, []int{1}, f32(1)})
		}
		ld := NewLoader(source(t, 0, tensors...), nil)
		ld.Parts(seeing)
		for _, name := range wanted {
			require.NotNil(t, ld.Vector(name, 1))
		}
		err := ld.Finish()
		require.Equal(t, Unused(seeing, left, wanted), ld.Unused())
		owned := &UnusedError{}
		require.Equal(t, err != nil, errors.As(err, &owned))
		require.Equal(t, len(left), owned.Total+len(ld.Unused()))
	})
}
