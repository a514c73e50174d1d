// Package family describes the model families as data. It is the one place that a family is added
// to.
//
// A [Spec] is a model as the keys of its checkpoint describe it: the configuration of the decoder
// ([llm.Config]), of the tower, the adapter and the pixels ([Vision]), what its tensors are called
// ([Layout]), how its chats are written where no template says, and how generation ends. Nothing in
// it computes: package vision, adapter and llm are made from it, and a difference between families
// that they do not know is a field there, never a family's name.
//
// [Load] reads a Spec through a checkpoint's door (internal/checkpoint), key by key: each key has a
// range and the default that the reference has; what would change the answer and is not implemented
// is refused by its name. So a family works from every container that answers for its
// keys.
//
// To add a family:
//
//   - a file with a parser, which reads keys and returns a Spec that states the differences from
//     the family it comes from (qwen25vl.go is the shortest to copy), and the names of its tensors
//     as pairs of patterns, ours and the checkpoint's ([weights.Rename]);
//   - a line in table.go;
//   - its classes' defaults in defaults.go, and that of its tokenizer in tokenizers.go;
//   - a configuration in subjects_test.go: all keys, which of them have no default;
//   - a small fixture with the reference's tokens (docs/adding-a-family.md goes step by step).
//
// spec.go holds the Spec and Load, tensors.go where a checkpoint has what it asks for, object.go
// how a key is read, settings.go where it stands and defaults.go what it is worth when it does not,
// shared.go, rope.go, processor.go and generation.go what families have in common; each other file
// is a family.
package family

import (
	"errors"

	"github.com/qwenvl/qwenvl/adapter"
	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/vision"
)

// Spec is a model, resolved from the keys of its checkpoint.
type Spec struct {
	ModelType string // as config.json says
	LLM       llm.Config
	Vision    *Vision // nil: text only

	Layouts []Layout       // how checkpoints store their tensors; the first that fits counts
	Parts   []weights.Part // under which prefixes; the layouts have the first of each

	Chat       chat.Template // for families that publish no template file; else nil
	Think      [2]string     // marks around thoughts before an answer; empty: there are none
	EOS        []int         // token ids that end a generation
	Ends       []string      // further tokens that do, by their spelling
	Generation Generation    // where a request does not say

	ItemBytes int       // of a stored number, where there are no weights to tell
	vocabSize [2]string // where LLM.VocabSize stands: file and field
}

// Vision is what a model that sees has besides its decoder.
type Vision struct {
	Encoder    vision.Config
	Adapter    adapter.Config
	Preprocess preprocess.Config

	ImageToken string // placeholder of a picture, by its spelling in the vocabulary
	VideoToken string // placeholder of a video; "": the family has no videos
	Tags       *Tags  // placeholders stand between tags instead

	Spatial    bool                 // media have positions on three axes, or count up as text does
	TimeRate   float64              // positions a second of video; 0: one a step of the grid
	Grounding  grounding.Convention // of coordinates in answers
	Timestamps *Timestamps          // nil: a video is one run of placeholders
}

// Tags enclose a picture's placeholders: Open, the picture's name as one token a byte, Pad up to
// its number of tokens, Close.
type Tags struct{ Open, Close, Pad string }

// Timestamps is how videos are written step by step: the step's time in text, and its placeholder
// between Open and Close.
type Timestamps struct {
	Format      string // of the seconds, for package fmt
	Open, Close string
}

// CheckVocabulary refuses a tokenizer of more tokens than the model embeds.
//
// Errors: *[checkpoint.Error].
func (s Spec) CheckVocabulary(tokens int) error {
	if tokens <= s.LLM.VocabSize {
		return nil
	}
	const problem = "smaller than the tokenizer's vocabulary"
	return &checkpoint.Error{File: s.vocabSize[0], Field: s.vocabSize[1], Problem: problem}
}

// itemBytes returns the size of a stored number, as the configuration tells it: two bytes unless it
// says float32.
func itemBytes(c object) int {
	c.err = new(error) // what it says otherwise does not matter
	inside := c.sub("text_config").stringOr("dtype", "")
	if c.stringOr("torch_dtype", c.stringOr("dtype", inside)) == "float32" {
		return 4
	}
	return 2
}

// parser turns the keys of a model into a Spec. What other sections add for every family is read by
// Load.
type parser func(config object, from checkpoint.Checkpoint) (Spec, error)

// Load reads the configuration of a checkpoint.
//
// Errors: *[checkpoint.Error], which wraps [checkpoint.ErrUnsupported] for what is not implemented.
func Load(from checkpoint.Checkpoint) (Spec, error) {
	config, err := section(from, checkpoint.Model)
	if err != nil {
		return Spec{}, err
	}
	modelType := config.stringOr("model_type", "")
	parse, ok := table[modelType]
	if !ok {
		config.unknownFamily(modelType)
	}
	plainWeights(config)
	if *config.err != nil {
		return Spec{}, *config.err
	}
	spec, err := parse(config, from)
	if *config.err != nil { // first: other sections are judged by what it says
		err = *config.err
	}
	if err != nil {
		return Spec{}, err
	}
	spec.ModelType, spec.ItemBytes = modelType, itemBytes(config)
	text := config
	if config.Has("text_config") {
		text = config.sub("text_config")
	}
	spec.vocabSize[0], spec.vocabSize[1] = text.At(text.path + "vocab_size")
	if err := readGeneration(from, config, &spec); err != nil {
		return Spec{}, err
	}
	spec.validate(config)
	return spec, *config.err
}

// validate is the chokepoint: what a Spec asks for is in bounds before anything is allocated for
// it.
func (s Spec) validate(config object) {
	check := func(key string, err error) {
		if err != nil {
			config.fail(key, "not a possible model", err)
		}
	}
	check("", s.LLM.Validate())
	if v := s.Vision; v != nil {
		check("vision_config", errors.Join(v.Encoder.Validate(), v.Adapter.Validate()))
		check("vision_config", v.Preprocess.Validate())
	}
}
