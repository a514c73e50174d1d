package vision

import (
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// Encoder holds the weights of a tower. It is immutable and safe for concurrent use; what a pass needs lives in its [Job].
type Encoder struct {
	cfg    Config
	patch  *tensor.Matrix
	blocks []block
}

// New binds an encoder's weights. They may be used once the loader's Finish has returned nil.
//
// Errors: wraps [ErrConfig].
func New(cfg Config, ld *weights.Loader) (*Encoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Encoder{cfg: cfg, patch: ld.Matrix("patch_embed", cfg.HiddenSize, cfg.PatchDim), blocks: make([]block, cfg.Depth)}
	for i := range e.blocks {
		e.blocks[i] = newBlock(cfg, ld.Sub("blocks", i))
	}
	return e, nil
}

// Config returns the encoder's description.
func (e *Encoder) Config() Config { return e.cfg }

// block is one pre-norm transformer block.
type block struct {
	norm1, norm2       tensor.Norm
	qkv, out, fc1, fc2 *tensor.Matrix
}

func newBlock(c Config, ld *weights.Loader) block {
	return block{
		norm1: layerNorm(ld, "norm1", c),
		qkv:   ld.MatrixBias("attn.qkv", 3*c.HiddenSize, c.HiddenSize),
		out:   ld.MatrixBias("attn.proj", c.HiddenSize, c.HiddenSize),
		norm2: layerNorm(ld, "norm2", c),
		fc1:   ld.MatrixBias("mlp.fc1", c.IntermediateSize, c.HiddenSize),
		fc2:   ld.MatrixBias("mlp.fc2", c.HiddenSize, c.IntermediateSize),
	}
}

func layerNorm(ld *weights.Loader, name string, c Config) tensor.Norm {
	return tensor.Norm{
		Weight: ld.Vector(name+".weight", c.HiddenSize),
		Bias:   ld.Vector(name+".bias", c.HiddenSize),
		Eps:    c.Eps,
		Center: true,
	}
}
