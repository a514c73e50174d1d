package llm

// The rows of one forward pass: which tokens, at which positions, of which sequences, and where
// features stand in for embeddings. A batch decides nothing; the engine fills it, Decoder.Forward
// in decoder.go computes it.

import (
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/rope"
)

// Batch is what one forward pass computes: rows of one or several sequences, each sequence's rows
// together and in order. Reset it to use it again; a batch that is reused allocates nothing.
type Batch struct {
	tokens    []int32
	positions []rope.Position
	runs      []run
	splices   []Splice
	logits    []int32
	kv        []tensor.KVRows
	routing   routing
	pass      pass
}

// run is the rows lo..hi-1 of one sequence.
type run struct {
	seq    *Sequence
	lo, hi int
}

// Splice replaces the embeddings of rows from Row on, placeholders of a picture, by features.
type Splice struct {
	Row      int
	Features tensor.Tensor   // [n, HiddenSize]
	Deep     []tensor.Tensor // [n, HiddenSize] each: added to the same rows after layers 0, 1, …
}

// Reset empties the batch.
func (b *Batch) Reset() {
	clear(b.runs)
	clear(b.splices)
	clear(b.kv)
	b.tokens, b.positions, b.runs = b.tokens[:0], b.positions[:0], b.runs[:0]
	b.splices, b.logits, b.kv = b.splices[:0], b.logits[:0], b.kv[:0]
}

// Rows returns the number of rows so far.
func (b *Batch) Rows() int { return len(b.tokens) }

// Begin starts the rows of a sequence; Add adds them.
func (b *Batch) Begin(seq *Sequence) {
	b.runs = append(b.runs, run{seq: seq, lo: len(b.tokens), hi: len(b.tokens)})
}

// Add appends a row to the sequence begun last: the next token and its position on the three axes.
// With logits set, the pass computes the logits of this row.
func (b *Batch) Add(token int, pos rope.Position, logits bool) {
	row := len(b.tokens)
	b.tokens = append(b.tokens, int32(token))
	b.positions = append(b.positions, pos)
	b.runs[len(b.runs)-1].hi = row + 1
	if logits {
		b.logits = append(b.logits, int32(row))
	}
}

// Splice replaces the embeddings of rows by features.
func (b *Batch) Splice(s Splice) { b.splices = append(b.splices, s) }
