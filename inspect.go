package qwenvl

// What a model is: Info of one that is loaded, and an Inspection of a checkpoint without its
// weights. For the latter the same constructors that make a model run with a planner in place of a
// loader, which writes down what they want. estimate.go counts memory from it.

import (
	"cmp"
	"image"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/components"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Info describes a loaded model.
type Info struct {
	ModelType   string // as config.json says, such as "qwen2_vl"
	HiddenSize  int    // of the decoder
	Layers      int    // of the decoder
	Heads       int    // of queries, in the decoder's attention
	VocabSize   int
	ContextSize int // tokens of prompt and answer together
	Threads     int
	WeightBytes int64 // of the checkpoint's tensors
	// Unused lists tensors of the checkpoint that the model has no use for, one a line, sorted:
	// heads of other models, saved buffers, what two files have alike (with the one that does not
	// count, as "NAME (FILE)"), what only an index lists (so too). A tensor that has no place in
	// one of the model's own layers is none of them: [Load] refuses it.
	Unused string

	WeightFormat WeightFormat // of the decoder
	VisionFormat WeightFormat // of tower and adapter; "": a text model

	Pictures, Videos bool // what messages may have besides text
	Thinks           bool // whether answers may come with Reasoning
	PatchSize        int  // side of a patch in pixels; 0 for a text model
	MergeSize        int  // patches a side that become one token
}

// Info returns what the model is.
func (m *Model) Info() Info {
	return describe(m.spec, Info{ContextSize: m.context, Threads: m.opts.threads,
		WeightBytes: m.weightBytes, WeightFormat: m.text, VisionFormat: m.tower,
		Unused: strings.Join(m.unused, "\n")})
}

// describe fills in what the configuration says.
func describe(s family.Spec, i Info) Info {
	i.ModelType, i.HiddenSize = s.ModelType, s.LLM.HiddenSize
	i.Layers, i.VocabSize = len(s.LLM.Layers), s.LLM.VocabSize
	for _, l := range s.LLM.Layers {
		switch {
		case l.GQA != nil:
			i.Heads = l.GQA.NumHeads
		case l.MLA != nil:
			i.Heads = l.MLA.NumHeads
		}
	}
	i.WeightFormat, i.VisionFormat = cmp.Or(i.WeightFormat, F32), cmp.Or(i.VisionFormat, F32)
	i.Thinks = s.Think[0] != ""
	if s.Vision == nil {
		i.VisionFormat = ""
	}
	if v := s.Vision; v != nil {
		i.Pictures, i.Videos = true, v.VideoToken != ""
		i.PatchSize, i.MergeSize = v.Preprocess.PatchSize, v.Preprocess.MergeSize
	}
	return i
}

// Inspection describes a checkpoint by its configuration, without reading its weights.
type Inspection struct {
	Info       Info // Threads is 0, and so is WeightBytes when the weight files are not there
	Parameters Parameters
	// Tensors are what the model wants of the checkpoint, in the order in which it binds them. A
	// tensor of which the model uses several parts, such as stacked experts, is listed once for
	// each.
	Tensors []TensorInfo

	spec   family.Spec
	names  weights.Names
	stored int64 // bytes of what the model wants; 0: not known
}

// Parameters counts numbers in tensors. A head that is tied to the embedding counts once.
type Parameters struct {
	Total     int64
	Vision    int64 // the tower
	Adapter   int64 // between tower and decoder
	Decoder   int64 // embedding and head included
	Embedding int64
	Active    int64 // of the decoder, what one token goes through: not all experts
}

// TensorInfo is a part of a tensor that a model wants.
type TensorInfo struct {
	Name  string // in the checkpoint
	Shape []int  // of the part, as the model uses it: a convolution over patches is a matrix
}

// Inspect describes the checkpoint in a folder. Where its weights are not there, what they are
// called is told by their index, and without one by how the family is released.
//
// Errors: *[CheckpointError].
func Inspect(dir string) (*Inspection, error) {
	from, err := checkpoint.Open(dir)
	if err != nil {
		return nil, checkpointError(err)
	}
	in, err := inspect(from)
	return in, inFolder(dir, err)
}

// InspectFS describes the checkpoint in a file system. Of weights only headers and index are read,
// but where the configuration ties head and embedding and both are there.
//
// Errors: as [Inspect].
func InspectFS(fsys fs.FS) (*Inspection, error) { return inspect(checkpoint.OpenFS(fsys)) }

func inspect(from checkpoint.Checkpoint) (*Inspection, error) {
	spec, err := family.Load(from)
	if err != nil {
		return nil, checkpointError(err)
	}
	outline, err := from.Outline()
	if err != nil {
		return nil, checkpointError(err)
	}
	in := &Inspection{}
	in.spec, in.names = spec.Find(from, outline)
	in.Info = describe(spec, Info{WeightBytes: outline.Bytes, ContextSize: spec.LLM.MaxContext})
	wanted, err := in.plan()
	bound := make(map[string]bool, len(in.Tensors))
	for _, t := range in.Tensors {
		bound[t.Name] = true
	}
	in.stored = outline.Bytes
	for name, size := range outline.Sizes {
		if !bound[name] {
			in.stored -= size
		}
	}
	if err == nil && from.Names() == nil {
		unused := weights.Unused(spec.Parts, slices.Collect(maps.Keys(outline.Shapes)), wanted)
		unused = append(unused, outline.Extra...)
		slices.Sort(unused)
		in.Info.Unused = strings.Join(unused, "\n")
	}
	return in, checkpointError(err)
}

// PictureTokens tells how many tokens a picture of that size in pixels takes in a prompt, tags
// around it not counted.
//
// Errors: *[RequestError].
func (in *Inspection) PictureTokens(width, height int) (int, error) {
	r := &EstimateRequest{Pictures: []image.Point{{X: width, Y: height}}}
	tokens, _, _, err := in.vision(r, false)
	return tokens, err
}

// plan runs the constructors of the model's parts and counts what they want. It returns the names
// of the tensors.
func (in *Inspection) plan() (wanted []string, err error) {
	ld, plan := weights.NewPlanner(in.names)
	if _, err := components.Bind(in.spec, ld, tensor.F32, tensor.F32); err != nil {
		return nil, err
	}
	p := &in.Parameters
	for _, b := range plan.Binds {
		in.Tensors = append(in.Tensors, TensorInfo{Name: b.Ref.Name, Shape: slices.Clone(b.Shape)})
		n := elements(b.Shape)
		p.Total += n
		switch {
		case strings.HasPrefix(b.Canonical, "vision."):
			p.Vision += n
			continue
		case strings.HasPrefix(b.Canonical, "adapter."):
			p.Adapter += n
			continue
		case b.Canonical == "embed.weight":
			p.Embedding = n
		}
		p.Decoder += n
		p.Active += int64(float64(n) * in.share(b.Canonical))
	}
	return plan.Wanted(), nil
}

// share is the part of a tensor's layers' experts that a token goes through: 1 but for experts.
func (in *Inspection) share(canonical string) float64 {
	if !strings.Contains(canonical, ".experts.") {
		return 1
	}
	for _, l := range in.spec.LLM.Layers {
		if l.MoE != nil {
			return float64(l.MoE.TopK) / float64(l.MoE.NumExperts)
		}
	}
	return 1
}
