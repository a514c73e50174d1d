package family

// Where a checkpoint has a model's tensors. A family says it in two lists: its layouts, which are
// how it stores them under the names that it is released with, and its parts, which are the
// prefixes that versions of the reference and tools put in place of the released ones, each part
// for itself. What a configuration says of a head that is tied to the embedding, the tensors may
// overrule.

import (
	"slices"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Layout is one way of storing a checkpoint's tensors. It fits when a checkpoint has the tensor
// Probe, with the shape Shape unless that is nil.
type Layout struct {
	Probe string
	Shape []int
	Names weights.Names
}

// Tensors is what is known of a checkpoint's tensors.
type Tensors interface {
	// Shape returns the shape of one of them; nil, which is not known, is taken to fit.
	Shape(name string) (shape []int, ok bool)
	// Equal reports whether two of them have the same values.
	Equal(a, b string) bool
}

// Find tells where the model's tensors are: where the checkpoint says, if it has names of its own,
// else as the first of the family's layouts that fits says, the first of all if none does, each
// under the prefix that it is there with.
//
// The Spec that it returns is that of the model whose tensors these are. A head that is stored
// counts whatever the configuration says of ties, unless it equals the embedding; one that is tied
// may be stored in the embedding's place.
//
// Source: transformers, PreTrainedModel.tie_weights and conversion_mapping.py.
func (s Spec) Find(from checkpoint.Checkpoint, tensors Tensors) (Spec, weights.Names) {
	has := func(name string) bool {
		_, ok := tensors.Shape(name)
		return ok
	}
	names := from.Names()
	if names == nil {
		names = s.layout(tensors, has)
	}
	if !s.LLM.TiedHead {
		return s, names
	}
	embed, head := names("embed.weight"), names("head.weight")
	switch {
	case !has(head.Name):
	case !has(embed.Name):
		return s, func(canonical string) weights.Ref {
			if canonical == "embed.weight" {
				return head
			}
			return names(canonical)
		}
	case !tensors.Equal(head.Name, embed.Name):
		s.LLM.TiedHead = false
	}
	return s, names
}

// layout returns the names of the first layout that fits.
func (s Spec) layout(tensors Tensors, has func(string) bool) weights.Names {
	for _, l := range s.Layouts {
		probe := weights.Spell(func(string) weights.Ref { return weights.Ref{Name: l.Probe} },
			s.Parts, has)("").Name
		got, ok := tensors.Shape(probe)
		if ok && (l.Shape == nil || got == nil || slices.Equal(l.Shape, got)) {
			return weights.Spell(l.Names, s.Parts, has)
		}
	}
	return weights.Spell(s.Layouts[0].Names, s.Parts, has)
}

// Prefixes of the decoder, the tower and the head. The first of each is the released one; the
// others are what the reference's from_pretrained takes of the family, found by trying.
var (
	textParts = []weights.Part{
		{Prefixes: []string{"model.", "", "model.model."}, Probe: "norm.weight"},
		{Prefixes: []string{"", "model."}, Probe: "lm_head.weight"},
	}
	qwen2VLParts = []weights.Part{
		{Prefixes: []string{"model.", "model.language_model.", "language_model.", "model.model.",
			"model.language_model.model.", "language_model.model.model."}, Probe: "norm.weight"},
		{Prefixes: []string{"visual.", "model.visual."}, Probe: "patch_embed.proj.weight"},
		{Prefixes: []string{""}, Probe: "lm_head.weight"},
	}
	qwen3VLParts = []weights.Part{
		{Prefixes: []string{"model.language_model.", "language_model.", "model.model.language_model.",
			"model.language_model.model.", "language_model.model.model."}, Probe: "norm.weight"},
		{Prefixes: []string{"model.visual.", "visual.", "model.model.visual."},
			Probe: "patch_embed.proj.weight"},
		{Prefixes: []string{"", "model."}, Probe: "lm_head.weight"},
	}
	qwen35Parts = []weights.Part{ // of the decoder alone
		{Prefixes: []string{"model.language_model.", "model.", "", "model.model.",
			"model.language_model.model."}, Probe: "norm.weight"},
		{Prefixes: []string{"", "model.", "model.language_model."}, Probe: "lm_head.weight"},
	}
	qwenVLParts = []weights.Part{ // of the hub's code, whose base model may be saved alone
		{Prefixes: []string{"transformer.", ""}, Probe: "ln_f.weight"},
		{Prefixes: []string{"transformer.visual.", "visual."}, Probe: "conv1.weight"},
		{Prefixes: []string{"", "transformer."}, Probe: "lm_head.weight"},
	}
	kimiVLParts = []weights.Part{
		{Prefixes: []string{"language_model.model."}, Probe: "norm.weight"},
		{Prefixes: []string{"vision_tower."}, Probe: "patch_embed.proj.weight"},
		{Prefixes: []string{"multi_modal_projector."}, Probe: "pre_norm.weight"},
		{Prefixes: []string{"language_model."}, Probe: "lm_head.weight"},
	}
)
