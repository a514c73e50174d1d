// Package qwenvl runs the Qwen-VL family of vision-language models inside a Go program, without
// cgo.
//
//	m, err := qwenvl.Load("Qwen2-VL-2B-Instruct")
//	resp, err := m.Generate(ctx, qwenvl.Request{
//		Messages: []qwenvl.Message{
//			qwenvl.User(qwenvl.ImageFile("a.jpg"), qwenvl.Text("What is this?")),
//		},
//	})
//
// # Loading
//
// A [Model] is loaded from a checkpoint as it is published: configuration, tokenizer, chat template
// and weights in one folder ([Load]) or file system ([LoadFS]). Weights in a folder are
// memory-mapped. Options say how the model runs: [WithThreads], [WithWeightFormat] and others.
// [Inspect] and [Estimate] tell of a checkpoint without loading it. [Model.Warm] does early what
// the first picture would wait for; [Model.Close] ends a model, [Model.Shutdown] within a time.
//
// # Requests
//
// A [Request] is a conversation of texts, pictures and videos, in parts that [Text], [Image],
// [ImageFile], [ImageBytes], [ImageReader], [ImageURL], [Video] and [Clip] make. Pictures are JPEG,
// PNG, GIF, WebP or BMP, turned upright; [WithDecoder] adds other formats. Nothing is fetched.
// Spellings of special tokens in texts are plain text: only the checkpoint's chat template writes
// special tokens.
//
// [Model.Generate] answers a request. [Response.Boxes] are the places in pictures that an answer
// names. [Model.CountTokens] tells a prompt's length, from the headers of pictures.
// [Model.Features] and [Model.Hidden] give what a model computes on the way to an answer: features
// of pictures, hidden states and logits.
//
// Requests, messages and parts can be kept as JSON and give the same answer later:
//
//	{"role": "user", "content": [
//		{"type": "image", "path": "a.jpg"},
//		{"type": "image", "media_type": "image/png", "data": "iVBORw0…"},
//		{"type": "video", "frames": [{"media_type": "image/png", "data": "…"}], "fps": 2},
//		{"type": "text", "text": "What is this?"}
//	]}
//
// The data is base64. A part of [ImageURL] has a "url", one of [Clip] "times" and "duration" in
// seconds; "name", "min_pixels" and "max_pixels" may stand in any part. A text that is not UTF-8
// has "data" in place of "text". What such JSON cannot hold, and what is unknown in it, is an
// error. JSON from others may name any file: see [Part.File].
//
// # Streaming
//
// [Model.Stream] gives an answer piece by piece, as a sequence of [Delta]; an [Accumulator] makes a
// [Response] of them. Leaving the loop cancels the request, ranging over the sequence again asks
// again. [Request.Progress] tells how far the work before the first token has come.
//
// # Concurrency
//
// All methods of a Model are safe for concurrent use. Concurrent requests share the passes over the
// weights, and no request's result depends on what runs beside it, on the number of threads or on
// how its prompt is cut into chunks. [WithMaxBatch] says how many run at a time; more wait in
// order. A request ends soon after its context does, whatever it is doing.
//
// # Memory
//
// Mapped weights belong to the system's page cache; packed ones, in the formats of
// [WithWeightFormat], to the process. Keys and values grow with the tokens of the requests at work,
// up to [WithContextSize] for each. Of a request that waits the picture files are in memory, not
// their pixels: those are made when the model is about to look at them. [Estimate] adds it all up.
//
// # Errors
//
// What is wrong with a checkpoint is a *[CheckpointError], which names file and field; what is
// wrong with a request is a *[RequestError], whose Field is such as Messages[0].Parts[1], MaxPixels
// or Template["enable_thinking"]. [ErrContextFull], [ErrClosed] and [ErrBadLogits] are values,
// errors of contexts are returned as they are. A panic inside the library is an *[InternalError] of
// the request, and the model refuses more. What would change an answer and is not understood is
// refused, never passed over.
package qwenvl

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/components"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/output"
	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// Model is a loaded checkpoint. It holds no state of any request. Close it when it is no longer
// needed.
type Model struct {
	opts    options
	spec    family.Spec
	context int

	source      *weights.Source
	weightBytes int64
	tied        bool     // whatever the configuration says
	unused      []string // tensors
	tok         *tokenizer.Tokenizer
	marks       output.Marks
	processor   *processor.Processor
	components  *components.Components
	engine      *engine.Engine

	text, tower WeightFormat
	identity    func() [sha256.Size]byte // of the tower

	lifetime
}

// Load opens a checkpoint in a folder of the file system. Weight files are mapped and must not
// change while the model is in use.
//
// Errors: *[CheckpointError], which names file and field, and says of a path that is no such folder
// what it is; *[InternalError]; errors of options.
func Load(dir string, opts ...Option) (*Model, error) {
	from, err := checkpoint.Open(dir)
	if err != nil {
		return nil, checkpointError(err)
	}
	m, err := load(from, opts)
	return m, inFolder(dir, err)
}

// LoadFS opens a checkpoint in any file system, such as an embed.FS. Weights are read into memory.
//
// Errors: as [Load].
func LoadFS(fsys fs.FS, opts ...Option) (*Model, error) {
	return load(checkpoint.OpenFS(fsys), opts)
}

func load(from checkpoint.Checkpoint, opts []Option) (*Model, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	m := &Model{opts: o}
	m.begin()
	if m.spec, err = family.Load(from); err != nil {
		return nil, checkpointError(err)
	}
	if m.context, err = o.contextOf(m.spec.LLM); err != nil {
		return nil, err
	}
	// Parsing a large vocabulary takes about as long as binding the weights.
	text := make(chan error, 1)
	go func() { text <- pool.Contain(func() error { return m.loadText(from) }) }()
	err = pool.Contain(func() error { return m.loadWeights(from) })
	if err = errors.Join(<-text, err); err != nil {
		if m.source != nil {
			err = errors.Join(err, m.source.Close())
		}
		if internal := internalError(err); internal != nil {
			return nil, internal
		}
		return nil, checkpointError(err)
	}
	m.spec.LLM.TiedHead = m.tied // only now: both goroutines read the Spec
	for _, end := range m.spec.Ends {
		if id, ok := m.tok.TokenID(end); ok {
			m.spec.EOS = append(m.spec.EOS, id)
		}
	}
	m.engine = engine.New(m.components.Decoder, engine.Options{
		Threads: o.threads, Context: m.context, Chunk: o.chunk, MaxBatch: o.maxBatch,
		Tower: m.components, CacheFormat: cacheFormat(m.text),
	})
	return m, nil
}

// loadText reads tokenizer and chat template.
func (m *Model) loadText(from checkpoint.Checkpoint) error {
	tok, err := from.Tokenizer(m.spec.OwnTokenizer)
	if err != nil {
		return err
	}
	if err := m.spec.CheckVocabulary(tok.Size()); err != nil {
		return err
	}
	m.tok = tok
	p := processor.Config{
		Vision: m.spec.Vision, Tokenizer: tok, Template: m.spec.Chat, Decode: m.opts.decode,
		Checkpoint: func() [sha256.Size]byte { return m.identity() },
	}
	var own checkpoint.Template
	if p.Template == nil {
		if own, err = from.Template(); err != nil {
			return err
		}
		if p.Template, err = chatTemplate(own, tok); err != nil {
			return err
		}
	}
	m.marks = output.Marks{Open: m.spec.Think[0], Close: m.spec.Think[1]}
	// A template that names the mark expects thoughts.
	m.marks.Usual = m.marks.Open != "" && strings.Contains(own.Source, m.marks.Open)
	m.processor, err = processor.New(p)
	return err
}

// chatTemplate makes the chat template of a checkpoint; nil: it has none.
func chatTemplate(t checkpoint.Template, tok *tokenizer.Tokenizer) (chat.Template, error) {
	if t.Source == "" {
		return nil, nil
	}
	var specials []string
	for _, t := range tok.AddedTokens() {
		if t.Special {
			specials = append(specials, t.Text)
		}
	}
	o := chat.Options{Specials: specials, Tokens: t.Tokens}
	out, err := chat.New(t.Source, o)
	if err == nil && t.Tools != "" {
		var tools chat.Template
		tools, err = chat.New(t.Tools, o)
		out = chat.ByTools(out, tools)
	}
	if err != nil {
		const problem = "the chat template cannot be used"
		return nil, &checkpoint.Error{File: t.File, Field: t.Field, Problem: problem, Err: err}
	}
	return out, nil
}

// loadWeights opens the weight files, binds every tensor, and packs those of the decoder.
func (m *Model) loadWeights(from checkpoint.Checkpoint) error {
	var err error
	if m.source, err = from.Tensors(); err != nil {
		return err
	}
	m.weightBytes = m.source.Bytes()
	spec, names := m.spec.Find(from, m.source)
	m.tied = spec.LLM.TiedHead
	if m.text, m.tower, err = m.opts.resolve(spec, names); err != nil {
		return err
	}
	ld := weights.NewLoader(m.source, names)
	if from.Names() == nil {
		ld.Parts(spec.Parts)
	}
	text, tower := tensorFormats[m.text], tensorFormats[m.tower]
	if m.components, err = components.Bind(spec, ld, text, tower); err != nil {
		return err
	}
	if err := ld.Finish(); err != nil {
		return err
	}
	m.unused = ld.Unused()
	m.identity = sync.OnceValue(func() [sha256.Size]byte {
		return components.Identity(m.spec, m.source, names, tensorFormats[m.tower])
	})
	return m.components.PackDecoder(m.source, m.opts.threads)
}
