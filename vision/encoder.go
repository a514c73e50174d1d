package vision

// The tower's weights: which matrices and vectors a Config asks a checkpoint for, block by block.
// job.go multiplies by them, in the order in which they stand here. The mapping from these names to
// a checkpoint's is data of package family.

import (
	"fmt"
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Encoder holds the weights of a tower. It is immutable and safe for concurrent use; what a pass
// needs lives in its [Job].
type Encoder struct {
	cfg            Config
	patch          *tensor.Matrix
	table          []float32 // positions [Rows, Cols, HiddenSize]
	preNorm, final tensor.Norm
	blocks         []block
}

// New binds an encoder's weights. They may be used once the loader's Finish has returned nil.
// Only qwenvl.Load has a loader: without one there is an error that says so.
//
// Errors: wraps [ErrConfig].
func New(cfg Config, ld *weights.Loader) (*Encoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if ld == nil {
		return nil, fmt.Errorf("%w: no loader: a model is made by qwenvl.Load", ErrConfig)
	}
	e := &Encoder{cfg: cfg, blocks: make([]block, cfg.Depth)}
	if cfg.PatchBias {
		e.patch = ld.Stored().MatrixBias("patch_embed", cfg.HiddenSize, cfg.PatchDim)
	} else {
		e.patch = ld.Stored().Matrix("patch_embed", cfg.HiddenSize, cfg.PatchDim)
	}
	if p := cfg.Position; p.Rows > 0 {
		shape := []int{p.Rows * p.Cols, cfg.HiddenSize}
		if got, ok := ld.Shape("pos_embed.weight"); ok && len(got) == 3 {
			shape = []int{p.Rows, p.Cols, cfg.HiddenSize}
		}
		e.table = ld.Floats("pos_embed.weight", shape...)
	}
	if cfg.PreNorm {
		e.preNorm = norm(ld, "pre_norm", cfg)
	}
	if cfg.FinalNorm {
		e.final = norm(ld, "final_norm", cfg)
	}
	for i := range e.blocks {
		e.blocks[i] = newBlock(cfg, ld.Sub("blocks", i))
	}
	return e, nil
}

// Config returns the encoder's description.
func (e *Encoder) Config() Config { return e.cfg }

// block is one pre-norm transformer block.
type block struct {
	norm1, norm2   tensor.Norm
	qkv, out       *tensor.Matrix
	gate, fc1, fc2 *tensor.Matrix // gate: of a gated MLP, else nil
}

func newBlock(c Config, ld *weights.Loader) block {
	b := block{
		norm1: norm(ld, "norm1", c),
		qkv:   ld.MatrixBias("attn.qkv", 3*c.HiddenSize, c.HiddenSize),
		out:   ld.MatrixBias("attn.proj", c.HiddenSize, c.HiddenSize),
		norm2: norm(ld, "norm2", c),
		fc1:   ld.MatrixBias("mlp.fc1", c.IntermediateSize, c.HiddenSize),
		fc2:   ld.MatrixBias("mlp.fc2", c.HiddenSize, c.IntermediateSize),
	}
	if c.Gated {
		b.gate = ld.MatrixBias("mlp.gate", c.IntermediateSize, c.HiddenSize)
	}
	return b
}

func norm(ld *weights.Loader, name string, c Config) tensor.Norm {
	n := tensor.Norm{Weight: ld.Vector(name+".weight", c.HiddenSize), Eps: c.Eps}
	if c.Norm == LayerNorm {
		n.Bias, n.Center = ld.Vector(name+".bias", c.HiddenSize), true
	}
	return n
}

// group is the side of the groups in whose order patches come.
func (c Config) group() int {
	if c.Raster {
		return 1
	}
	return c.MergeSize
}

// full reports whether a block attends to whole frames.
func (c Config) full(block int) bool {
	return c.Window == 0 || slices.Contains(c.FullAttention, block)
}
