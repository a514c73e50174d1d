package adapter

// The resampler, the adapter of Qwen-VL, the first of the families.
//
// (projection) → norm → keys with positions, values → learned queries with positions attend to
// them, once → norm → projection. The number of tokens is that of the queries, whatever the
// picture; merger.go keeps it in proportion to the picture.

import (
	"fmt"
	"math"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
)

// ResamplerConfig describes a resampler: Queries² learned queries attend once to a picture's
// patches.
type ResamplerConfig struct {
	InputSize  int // width of the tower
	OutputSize int // width of the decoder
	Queries    int // side of the square of queries
	NumHeads   int
	Grid       int  // side of a picture's square of patches
	Project    bool // a projection from InputSize to OutputSize before the attention must be there
	Eps        float32
}

// Validate checks bounds, before anything is allocated.
func (c ResamplerConfig) Validate() error {
	if c.InputSize < 1 || c.InputSize > maxWidth || c.OutputSize < 1 || c.OutputSize > maxWidth ||
		!c.Project && c.InputSize != c.OutputSize {
		return fmt.Errorf("%w: widths %d and %d", ErrConfig, c.InputSize, c.OutputSize)
	}
	if c.Queries < 1 || c.Queries > 1<<8 || c.Grid < 1 || c.Grid > 1<<10 {
		return fmt.Errorf("%w: %d² queries over %d² patches", ErrConfig, c.Queries, c.Grid)
	}
	if c.NumHeads < 1 || c.OutputSize%c.NumHeads != 0 {
		return fmt.Errorf("%w: width %d does not divide into %d heads", ErrConfig, c.OutputSize,
			c.NumHeads)
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	return nil
}

// Resampler turns any picture into the same number of tokens by one cross-attention of learned
// queries. It is immutable and safe for concurrent use.
//
// Source: Qwen-VL (arXiv 2308.12966), section 2.1.
type Resampler struct {
	cfg                     ResamplerConfig
	project                 *tensor.Matrix // nil: none
	normQ, normKV, normPost tensor.Norm
	q, k, v, attnOut, out   *tensor.Matrix
	query                   []float32 // [Queries², OutputSize]
	queryPos, keyPos        []float32 // positions of the queries, and resampled to the patches
}

func newResampler(c ResamplerConfig, ld *weights.Loader) *Resampler {
	e, n := c.OutputSize, c.Queries*c.Queries
	r := &Resampler{
		cfg:      c,
		normQ:    layerNorm(ld, "norm_q", e, c.Eps),
		normKV:   layerNorm(ld, "norm_kv", e, c.Eps),
		normPost: layerNorm(ld, "norm_post", e, c.Eps),
		q:        ld.MatrixBias("attn.q", e, e),
		k:        ld.MatrixBias("attn.k", e, e),
		v:        ld.MatrixBias("attn.v", e, e),
		attnOut:  ld.MatrixBias("attn.out", e, e),
		out:      ld.Matrix("proj", e, e),
		query:    ld.Floats("query", n, e),
		queryPos: ld.Floats("pos_embed", n, e),
	}
	if c.Project || ld.Has("kv_proj.weight") { // a checkpoint may have one where it is not needed
		r.project = ld.Matrix("kv_proj", e, c.InputSize)
	}
	if r.queryPos != nil {
		r.keyPos = rope.ResampleSquare(r.queryPos, c.Queries, c.Grid, e)
	}
	return r
}

// Tokens returns the number of queries, whatever the grid.
func (r *Resampler) Tokens(g rope.Grid) int { return Config{Resampler: &r.cfg}.Tokens(g) }

// Forward projects a tower's features.
//
// Shapes: rows are whole pictures of Grid² patches in raster order.
// Panics if they are not, or not of the tower's width.
// Errors: [tensor.ErrStopped].
func (r *Resampler) Forward(ex *tensor.Exec, in Input) (Output, error) {
	c := r.cfg
	patches, queries, e := c.Grid*c.Grid, c.Queries*c.Queries, c.OutputSize
	if in.Rows.Cols != c.InputSize || in.Rows.Rows%patches != 0 {
		panic("adapter: features are not whole pictures of the tower's width")
	}
	pictures := in.Rows.Rows / patches
	mark := ex.Mark()
	defer ex.Release(mark)

	// Keys and values: of normalized patches; keys of patches with their positions.
	kv := ex.Alloc(in.Rows.Rows, e) // [patches, e]
	if r.project != nil {
		ex.Linear(kv, in.Rows.Input(), r.project, tensor.Identity)
		ex.NormRows(kv, kv, &r.normKV)
	} else {
		ex.NormRows(kv, in.Rows, &r.normKV)
	}
	ex.Emit("adapter.kv", -1, kv)
	v, k := ex.Alloc(kv.Rows, e), ex.Alloc(kv.Rows, e) // [patches, e]
	ex.Linear(v, kv.Input(), r.v, tensor.Identity)
	keyPos := tensor.FromSlice(patches, e, r.keyPos)
	ex.Emit("adapter.pos_embed", -1, keyPos)
	for i := range pictures {
		ex.AddRows(kv.Slice(i*patches, (i+1)*patches), keyPos)
	}
	ex.Linear(k, kv.Input(), r.k, tensor.Identity)

	// Queries: they do not depend on the picture, so each picture has a copy of the first's.
	qIn := ex.Alloc(queries, e)        // [queries, e]
	q := ex.Alloc(pictures*queries, e) // [pictures·queries, e]
	ex.NormRows(qIn, tensor.FromSlice(queries, e, r.query), &r.normQ)
	ex.AddRows(qIn, tensor.FromSlice(queries, e, r.queryPos))
	ex.Emit("adapter.query", -1, qIn)
	ex.Linear(q.Slice(0, queries), qIn.Input(), r.q, tensor.Identity)
	qb, kb := []int32{0}, []int32{0}
	for i := range pictures {
		if i > 0 {
			copy(q.Slice(i*queries, (i+1)*queries).Floats(), q.Slice(0, queries).Floats())
		}
		qb, kb = append(qb, int32((i+1)*queries)), append(kb, int32((i+1)*patches))
	}

	// Each picture's queries attend to its patches.
	a, h, dim := ex.Alloc(q.Rows, e), ex.Alloc(q.Rows, e), e/c.NumHeads // [pictures·queries, e]
	ex.AttendCross(a, q, k, v, c.NumHeads, dim, qb, kb, float32(1/math.Sqrt(float64(dim))))
	ex.Linear(h, a.Input(), r.attnOut, tensor.Identity)
	ex.Emit("adapter.attn_out", -1, h)
	ex.NormRows(h, h, &r.normPost)
	ex.Emit("adapter.ln_post", -1, h)
	out := tensor.New(q.Rows, e) // [pictures·queries, e]
	ex.Linear(out, h.Input(), r.out, tensor.Identity)
	if err := ex.Err(); err != nil {
		return Output{}, err
	}
	ex.Emit("vision.out", -1, out)
	return Output{Rows: out}, nil
}
