package qwenvl

// Info describes a loaded model.
type Info struct {
	ModelType   string // as config.json says, such as "qwen2_vl"
	HiddenSize  int    // of the decoder
	Layers      int    // of the decoder
	VocabSize   int
	ContextSize int // tokens of prompt and answer together
	Threads     int
	WeightBytes int64 // of the checkpoint's tensors

	Pictures, Videos bool // what messages may have besides text
	Thinks           bool // whether answers may come with Reasoning
	PatchSize        int  // side of a patch in pixels; 0 for a text model
	MergeSize        int  // patches a side that become one token
}

// Info returns what the model is.
func (m *Model) Info() Info {
	s := m.spec
	i := Info{
		ModelType: s.ModelType, HiddenSize: s.LLM.HiddenSize, Layers: len(s.LLM.Layers), VocabSize: s.LLM.VocabSize,
		ContextSize: m.context, Threads: m.opts.threads, WeightBytes: m.weightBytes, Thinks: s.Think[0] != "",
	}
	if v := s.Vision; v != nil {
		i.Pictures, i.Videos = true, v.VideoToken != ""
		i.PatchSize, i.MergeSize = v.Preprocess.PatchSize, v.Preprocess.MergeSize
	}
	return i
}
