package llm

// The decoder: its weights and the one loop over its layers.
//
// rows of the embedding, features in place of placeholders → each layer's mixer and feed-forward
// part → last norm → head. What a layer holds is behind the interfaces mixer (gqa.go, mla.go,
// delta.go) and ffn (dense.go, moe.go); config.go says which. A traced pass shows x after the mixer
// (llm.attn) and after the feed-forward part (llm.layer), and what the latter reads (llm.ffn_in):
// the first that is wrong tells the half of the layer to look at.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
)

// Decoder holds the weights. It is immutable and safe for concurrent use: all state of a text is in
// its [Sequence].
type Decoder struct {
	cfg    Config
	rotary *rope.Rotary
	grows  bool // the rotation, with what is generated
	embed  *tensor.Matrix
	layers []layer
	norm   tensor.Norm
	head   *tensor.Matrix
}

// layer is one decoder layer. The loop over layers knows mixers and feed-forward parts by these
// interfaces only.
type layer struct {
	mixNorm, ffnNorm tensor.Norm
	mixer            mixer
	ffn              ffn
}

// mixer adds a token mixer's output for the normalized rows of x to x. Its state says what a cache
// keeps for the layer.
type mixer interface {
	forward(p *pass, layer int, x tensor.Tensor, norm *tensor.Norm)
	state() slot
}

// ffn adds a feed-forward part's output for the normalized rows of x to x.
type ffn interface {
	forward(p *pass, x tensor.Tensor, norm *tensor.Norm)
}

// pass is what the layers of one forward pass share.
type pass struct {
	ex         *tensor.Exec
	cache      *Cache
	runs       []run
	kv         []tensor.KVRows
	recurrent  []tensor.StateRows
	routing    *routing
	cos, sin   tensor.Tensor // [n, half of the rotated channels]
	queryScale []float32     // of each row; nil: none
}

// states returns the recurrent state of a layer for the pass's sequences.
func (p *pass) states(layer int) []tensor.StateRows {
	s := p.cache.layers[layer]
	p.recurrent = p.recurrent[:0]
	for _, r := range p.runs {
		conv := r.seq.state[s.at : s.at+s.delta.ConvFloats()]
		state := r.seq.state[s.at+len(conv) : s.at+len(conv)+s.delta.StateFloats()]
		rows := tensor.StateRows{RowLo: r.lo, RowHi: r.hi, Conv: conv, State: state}
		p.recurrent = append(p.recurrent, rows)
	}
	return p.recurrent
}

// New binds a decoder's weights. They may be used once the loader's Finish has returned nil.
// Only qwenvl.Load has a loader: without one there is an error that says so.
//
// Errors: wraps [ErrConfig] or [rope.ErrConfig].
func New(cfg Config, ld *weights.Loader) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if ld == nil {
		return nil, fmt.Errorf("%w: no loader: a model is made by qwenvl.Load", ErrConfig)
	}
	d := &Decoder{
		cfg:    cfg,
		rotary: rope.New(cfg.Rope),
		grows:  cfg.Rope.Grows(),
		embed:  ld.Stored().Matrix("embed", cfg.VocabSize, cfg.HiddenSize), // read row by row
		layers: make([]layer, len(cfg.Layers)),
		norm:   rmsNorm(ld, "norm", cfg.HiddenSize, cfg.Eps),
	}
	for i, l := range cfg.Layers {
		sub := ld.Sub("layers", i)
		d.layers[i] = layer{
			mixNorm: rmsNorm(sub, "mix_norm", cfg.HiddenSize, l.Eps),
			mixer:   newMixer(l, cfg.HiddenSize, sub),
			ffnNorm: rmsNorm(sub, "ffn_norm", cfg.HiddenSize, l.Eps),
			ffn:     newFFN(l, cfg.HiddenSize, sub.Sub("mlp")),
		}
	}
	if cfg.TiedHead {
		d.head = ld.Again(d.embed, "head", cfg.VocabSize, cfg.HiddenSize)
	} else {
		d.head = ld.Matrix("head", cfg.VocabSize, cfg.HiddenSize)
	}
	return d, nil
}

func newMixer(l Layer, hidden int, ld *weights.Loader) mixer {
	switch {
	case l.GQA != nil:
		return newGQA(*l.GQA, l, hidden, ld.Sub("attn"))
	case l.MLA != nil:
		return newMLA(*l.MLA, hidden, ld.Sub("attn"))
	}
	return newDelta(*l.Delta, l, hidden, ld.Sub("delta"))
}

func newFFN(l Layer, hidden int, ld *weights.Loader) ffn {
	if l.Dense != nil {
		return newDense(l.Dense.IntermediateSize, l.Dense.Act, hidden, ld)
	}
	return newMoE(*l.MoE, hidden, ld)
}

// Config returns the decoder's description.
func (d *Decoder) Config() Config { return d.cfg }

func rmsNorm(ld *weights.Loader, name string, n int, eps float32) tensor.Norm {
	return tensor.Norm{Weight: ld.Vector(name+".weight", n), Eps: eps}
}

// Forward runs the batch through all layers, appends its rows to their sequences, and returns the
// logits of the rows that asked for them. The logits lie in the workspace of ex: release it, to a
// mark taken before, when they are read.
//
// A row's result depends on its own sequence only: not on its neighbors in the batch, nor on where
// the sequence was cut into batches.
//
// Shapes: the result is [rows that asked, VocabSize].
// Errors: [ErrContextFull] or [ErrCacheFull], with no sequence changed; [tensor.ErrStopped], after
// which sequences can only be freed, or restored from a snapshot.
// Panics if a token is outside the vocabulary or features do not fit.
func (d *Decoder) Forward(ex *tensor.Exec, cache *Cache, b *Batch) (tensor.Tensor, error) {
	// Room in the cache for the new rows of every sequence, or no change at all.
	for _, r := range b.runs {
		if err := r.seq.reserve(r.hi - r.lo); err != nil {
			return tensor.Tensor{}, err
		}
	}
	b.kv = b.kv[:0]
	for _, r := range b.runs {
		rows := tensor.KVRows{RowLo: r.lo, RowHi: r.hi, Pos: r.seq.length, Blocks: r.seq.blocks}
		b.kv = append(b.kv, rows)
	}
	logits := ex.Alloc(len(b.logits), d.cfg.VocabSize) // [rows that asked, vocabulary]
	mark := ex.Mark()
	defer ex.Release(mark)

	n := b.Rows()
	x := ex.Alloc(n, d.cfg.HiddenSize) // [n, hidden], which every layer adds to
	d.embedRows(x, b)
	ex.Emit("inputs_embeds", -1, x)
	p := &b.pass
	*p = pass{ex: ex, cache: cache, runs: b.runs, kv: b.kv,
		recurrent: p.recurrent, routing: &b.routing,
		cos: ex.Alloc(n, d.rotary.Half()), sin: ex.Alloc(n, d.rotary.Half())}
	d.angles(p, b)
	for i := range d.layers {
		l := &d.layers[i]
		l.mixer.forward(p, i, x, &l.mixNorm)
		ex.Emit("llm.attn", i, x)
		ex.EmitNorm("llm.ffn_in", i, x, &l.ffnNorm)
		l.ffn.forward(p, x, &l.ffnNorm)
		for _, s := range b.splices { // features of the tower's inner blocks
			if i < len(s.Deep) {
				ex.AddRows(x.Slice(s.Row, s.Row+s.Deep[i].Rows), s.Deep[i])
			}
		}
		if err := ex.Err(); err != nil {
			return tensor.Tensor{}, err
		}
		ex.Emit("llm.layer", i, x)
	}
	ex.EmitNorm("llm.final", -1, x, &d.norm)
	d.project(ex, logits, x, b.logits)
	if err := ex.Err(); err != nil {
		return tensor.Tensor{}, err
	}
	for _, r := range b.runs {
		r.seq.length += r.hi - r.lo
		r.seq.publish()
	}
	return logits, nil
}

// angles fills the pass's rotary tables and query scales.
func (d *Decoder) angles(p *pass, b *Batch) {
	if d.cfg.Rope.LogNLength > 0 {
		p.queryScale = p.ex.Alloc(1, b.Rows()).Floats()
	}
	for _, r := range b.runs {
		for i := r.lo; i < r.hi; i++ {
			at := b.positions[i]
			r.seq.rotaryAt(at).Fill(p.cos.Row(i), p.sin.Row(i), at)
			if p.queryScale != nil {
				p.queryScale[i] = d.cfg.Rope.QueryScale(int(at[0]))
			}
		}
	}
}

// rotaryFor returns the rotary embedding of a text of n positions.
func (d *Decoder) rotaryFor(n int) *rope.Rotary {
	if d.cfg.Rope.Reach(n) == 0 {
		return d.rotary
	}
	return rope.New(d.cfg.Rope.ForPrompt(n))
}

// project normalizes the chosen rows and multiplies them by the head.
func (d *Decoder) project(ex *tensor.Exec, logits, x tensor.Tensor, rows []int32) {
	h := ex.Alloc(len(rows), d.cfg.HiddenSize) // [rows that asked, hidden]
	ex.GatherRows(h, x, rows)
	ex.NormRows(h, h, &d.norm)
	ex.Emit("llm.norm", -1, h)
	ex.Linear(logits, h.Input(), d.head, tensor.Identity)
	ex.Emit("logits", -1, logits)
}

// embedRows fills x with the tokens' embeddings, and with features where they are placeholders.
func (d *Decoder) embedRows(x tensor.Tensor, b *Batch) {
	for r, id := range b.tokens {
		d.embed.DecodeRow(x.Row(r), int(id))
	}
	for _, s := range b.splices {
		for i := range s.Features.Rows {
			copy(x.Row(s.Row+i), s.Features.Row(i))
		}
	}
}
