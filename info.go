package qwenvl

import (
	"cmp"

	"github.com/qwenvl/qwenvl/internal/family"
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

	WeightFormat WeightFormat // of the decoder
	VisionFormat WeightFormat // of tower and adapter; "": a text model

	Pictures, Videos bool // what messages may have besides text
	Thinks           bool // whether answers may come with Reasoning
	PatchSize        int  // side of a patch in pixels; 0 for a text model
	MergeSize        int  // patches a side that become one token
}

// Info returns what the model is.
func (m *Model) Info() Info {
	return describe(m.spec, Info{ContextSize: m.context, Threads: m.opts.threads, WeightBytes: m.weightBytes, WeightFormat: m.text, VisionFormat: m.tower})
}

// describe fills in what the configuration says.
func describe(s family.Spec, i Info) Info {
	i.ModelType, i.HiddenSize, i.Layers, i.VocabSize = s.ModelType, s.LLM.HiddenSize, len(s.LLM.Layers), s.LLM.VocabSize
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
