// Package processor lays out prompts: a conversation becomes tokens, positions, and pictures and
// videos as media items. It is what Hugging Face calls a processor.
//
// It knows no model and no weights, only how a family describes its tower, the tokenizer and the
// chat template, and depends on nothing but its arguments. Pictures are not decoded here: their
// sizes are read from their headers, which tells how many placeholders they take, and the engine
// asks for their pixels when their turn comes.
//
//	request.go   what it reads
//	prompt.go    template, tokens, placeholders, positions
//	source.go    where pictures come from: files, memory, URLs, readers
//	media.go     sizes, times and pixels of pictures and videos
//	key.go       what tells one media item from another
package processor

import (
	"crypto/sha256"
	"errors"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// Config is what a processor is made of.
type Config struct {
	Vision     *family.Vision // nil: text only
	Tokenizer  *tokenizer.Tokenizer
	Template   chat.Template // nil: the checkpoint has none
	Decode     preprocess.DecodeOptions
	Checkpoint func() [sha256.Size]byte // tells towers apart in content keys
}

// ErrNoTemplate says that there is no chat template to lay out a conversation with.
var ErrNoTemplate = errors.New("the checkpoint has no chat template, neither as chat_template.jinja " +
	"nor in tokenizer_config.json")

// Processor lays out prompts. It is immutable and safe for concurrent use.
type Processor struct {
	cfg   Config
	marks marks
}

// marks are the ids of the tokens that stand for pictures and videos; -1: none.
type marks struct{ image, video, open, close, pad int }

// New looks up the tokens that mark media.
//
// Errors: *[checkpoint.Error] when the vocabulary lacks one.
func New(c Config) (*Processor, error) {
	p := &Processor{cfg: c, marks: marks{-1, -1, -1, -1, -1}}
	if c.Vision == nil {
		return p, nil
	}
	type mark struct {
		id   *int
		text string
	}
	all := []mark{{&p.marks.image, c.Vision.ImageToken}, {&p.marks.video, c.Vision.VideoToken}}
	if t := c.Vision.Tags; t != nil {
		all = append(all, mark{&p.marks.open, t.Open}, mark{&p.marks.close, t.Close})
		all = append(all, mark{&p.marks.pad, t.Pad})
	}
	for _, m := range all {
		if m.text == "" {
			continue
		}
		id, ok := c.Tokenizer.TokenID(m.text)
		if !ok {
			e := &checkpoint.Error{Problem: "without " + m.text}
			e.File, e.Field = c.Tokenizer.AddedAt()
			return nil, e
		}
		*m.id = id
	}
	return p, nil
}
