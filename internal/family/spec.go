// Package family describes the model families as data: how the configuration of a checkpoint becomes the description of a tower, an
// adapter and a decoder, and what its tensors are called. It is the one place that a family is added to.
package family

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/ground"
	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/vision"
)

// Spec is a model, resolved from a checkpoint's configuration files.
type Spec struct {
	ModelType string // as config.json says
	LLM       llm.Config
	Vision    *Vision // nil: text only

	Layouts []Layout // how checkpoints of the family name their tensors; the first that fits counts
	Ignore  []string // tensors that are known and not used

	Chat     chat.Template // for families that publish no template file; else nil
	Think    [2]string     // marks around what the model thinks before it answers; empty: it does not
	EOS      []int         // token ids that end a generation
	Ends     []string      // further tokens that do, by their spelling
	Sampling sample.Params
}

// Vision is what a model that sees has besides its decoder.
type Vision struct {
	Encoder    vision.Config
	Adapter    adapter.Config
	Preprocess preprocess.Config

	ImageToken string // placeholder of a picture, by its spelling in the vocabulary
	VideoToken string // placeholder of a video; "": the family has no videos
	Tags       *Tags  // placeholders stand between tags instead

	Spatial    bool              // media have positions on three axes; otherwise they count up as text does
	TimeRate   float64           // positions that a second of video takes; 0: one a step of the grid
	Grounding  ground.Convention // of coordinates in answers
	Timestamps *Timestamps       // nil: a video is one run of placeholders
}

// Tags enclose a picture's placeholders: Open, the picture's name as one token a byte, Pad up to its number of tokens, Close.
type Tags struct{ Open, Close, Pad string }

// Timestamps is how videos are written step by step: the step's time in text, and its placeholder
// between Open and Close.
type Timestamps struct {
	Format      string // of the seconds, for package fmt
	Open, Close string
}

// Layout is one way of naming a checkpoint's tensors. It fits when a checkpoint has the tensor Probe, with the shape Shape unless that is nil.
type Layout struct {
	Probe string
	Shape []int
	Names weights.Names
}

// Layout returns the layout that fits a checkpoint, the first if none does.
func (s Spec) Layout(src *weights.Source) Layout {
	for _, l := range s.Layouts {
		if t, ok := src.Tensor(l.Probe); ok && (l.Shape == nil || slices.Equal(l.Shape, t.Shape)) {
			return l
		}
	}
	return s.Layouts[0]
}

// LayoutNamed is Layout for a checkpoint of which only the names are known, sorted: shapes are taken to fit.
func (s Spec) LayoutNamed(names []string) Layout {
	for _, l := range s.Layouts {
		if _, ok := slices.BinarySearch(names, l.Probe); ok {
			return l
		}
	}
	return s.Layouts[0]
}

// ItemBytes returns the size of an element as config.json says it, for checkpoints whose weights are not there.
func ItemBytes(files fs.FS) int {
	c, err := readObject(files, "config.json", false)
	if err != nil {
		return 2
	}
	if c.stringOr("torch_dtype", c.stringOr("dtype", "bfloat16")) == "float32" {
		return 4
	}
	return 2
}

// parser turns config.json into a Spec. What the files beside it add is read by Load.
type parser func(config object, files fs.FS) (Spec, error)

// Load reads the configuration files of a checkpoint.
//
// Errors: *[ConfigError], *[UnsupportedError], and those of the described parts, which name the value.
func Load(files fs.FS) (Spec, error) {
	config, err := readObject(files, "config.json", false)
	if err != nil {
		return Spec{}, err
	}
	modelType := config.stringOr("model_type", "")
	if *config.err != nil {
		return Spec{}, *config.err
	}
	parse, ok := table[modelType]
	if !ok {
		return Spec{}, &UnsupportedError{File: "config.json", Field: "model_type", Value: modelType}
	}
	if config.has("quantization_config") {
		method := config.sub("quantization_config").stringOr("quant_method", "unknown")
		return Spec{}, &UnsupportedError{File: "config.json", Field: "quantization_config.quant_method", Value: method}
	}
	spec, err := parse(config, files)
	if *config.err != nil { // first: the files beside it are judged by what it says
		err = *config.err
	}
	if err != nil {
		return Spec{}, err
	}
	spec.ModelType = modelType
	if err := readGeneration(files, config, &spec); err != nil {
		return Spec{}, err
	}
	return spec, spec.validate()
}

// validate is the chokepoint: what a Spec asks for is in bounds before anything is allocated for it.
func (s Spec) validate() error {
	const problem = "not a possible model"
	if err := s.LLM.Validate(); err != nil {
		return &ConfigError{File: "config.json", Problem: problem, Err: err}
	}
	v := s.Vision
	if v == nil {
		return nil
	}
	if err := errors.Join(v.Encoder.Validate(), v.Adapter.Validate()); err != nil {
		return &ConfigError{File: "config.json", Field: "vision_config", Problem: problem, Err: err}
	}
	if err := v.Preprocess.Validate(); err != nil {
		return &ConfigError{File: "preprocessor_config.json", Problem: problem, Err: err}
	}
	return nil
}

// readGeneration reads end tokens and sampling defaults.
func readGeneration(files fs.FS, config object, s *Spec) error {
	g, err := readObject(files, "generation_config.json", true)
	if err != nil {
		return err
	}
	s.EOS = config.ids("eos_token_id")
	if g.has("eos_token_id") {
		s.EOS = g.ids("eos_token_id")
	}
	if g.boolOr("do_sample", false) {
		s.Sampling = sample.Params{
			Temperature: g.floatOr("temperature", 1e3, 1),
			TopP:        g.floatOr("top_p", 1+1e-9, 1),
			TopK:        50, // the reference's default
		}
		if g.has("top_k") {
			s.Sampling.TopK = g.intIn("top_k", 0, 1<<24)
		}
	}
	s.Sampling.RepetitionPenalty = g.floatOr("repetition_penalty", 1e3, 1)
	return errors.Join(*g.err, *config.err)
}
