package adapter

// The patch merger, the adapter of all families but the first.
//
// (raster order → merge groups) → norm → the rows of a group joined into one → fc1 → activation →
// fc2. For features of inner blocks the rows are joined first. Joining costs nothing: patches come
// in merge groups, so four rows of d floats are one of 4·d. resampler.go reduces patches by
// attention instead.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/rope"
)

// MergerConfig describes a patch merger: MergeSize² neighboring patches become one token.
type MergerConfig struct {
	InputSize  int // width of the tower
	OutputSize int // width of the decoder
	MergeSize  int
	Raster     bool // patches come in raster order of a frame, not in merge groups
	RMS        bool // RMS norm instead of layer norm
	Eps        float32
	Act        tensor.Act
	Taps       int // inner features that are merged too; their norm is over joined patches
}

// Validate checks bounds, before anything is allocated.
func (c MergerConfig) Validate() error {
	if c.InputSize < 1 || c.InputSize > maxWidth || c.OutputSize < 1 || c.OutputSize > maxWidth {
		return fmt.Errorf("%w: widths %d and %d", ErrConfig, c.InputSize, c.OutputSize)
	}
	if c.MergeSize < 1 || c.MergeSize > 64 {
		return fmt.Errorf("%w: merge size %d", ErrConfig, c.MergeSize)
	}
	if !(c.Eps > 0 && c.Eps < 1) {
		return fmt.Errorf("%w: norm epsilon %v", ErrConfig, c.Eps)
	}
	return nil
}

// Merger joins each merge group into one row and projects it with a two-layer MLP. It is immutable
// and safe for concurrent use.
//
// Source: Qwen2-VL (arXiv 2409.12191), section 2.1; DeepStack (arXiv 2406.04334) for inner
// features.
type Merger struct {
	cfg  MergerConfig
	main mergeMLP
	deep []mergeMLP
}

// mergeMLP is norm, join and project, or join, norm and project.
type mergeMLP struct {
	norm     tensor.Norm
	late     bool // the norm is over joined patches
	fc1, fc2 *tensor.Matrix
}

func newMerger(cfg MergerConfig, ld *weights.Loader) *Merger {
	m := &Merger{cfg: cfg, main: newMergeMLP(cfg, false, ld)}
	for i := range cfg.Taps {
		m.deep = append(m.deep, newMergeMLP(cfg, true, ld.Sub("deep", i)))
	}
	return m
}

func newMergeMLP(c MergerConfig, late bool, ld *weights.Loader) mergeMLP {
	wide := c.InputSize * c.MergeSize * c.MergeSize
	n := c.InputSize
	if late {
		n = wide
	}
	fc1, fc2 := ld.MatrixBias("fc1", wide, wide), ld.MatrixBias("fc2", c.OutputSize, wide)
	m := mergeMLP{late: late, fc1: fc1, fc2: fc2}
	if c.RMS {
		m.norm = tensor.Norm{Weight: ld.Vector("norm.weight", n), Eps: c.Eps}
	} else {
		m.norm = layerNorm(ld, "norm", n, c.Eps)
	}
	return m
}

// Tokens returns the number of merge groups.
func (m *Merger) Tokens(g rope.Grid) int { return Config{Merger: &m.cfg}.Tokens(g) }

// Forward projects a tower's features.
//
// Shapes: rows come in the order of merge groups, or with Raster in raster order; of the result, in
// the order of groups.
// Panics if the rows are not whole groups of the tower's width.
// Errors: [tensor.ErrStopped].
func (m *Merger) Forward(ex *tensor.Exec, in Input) (Output, error) {
	if in.Rows.Rows%(m.cfg.MergeSize*m.cfg.MergeSize) != 0 || in.Rows.Cols != m.cfg.InputSize ||
		len(in.Taps) != len(m.deep) {
		panic("adapter: features are not whole merge groups of the tower's width")
	}
	out := Output{Rows: m.forward(ex, &m.main, in.Rows, in.Grids, "vision.out", -1)}
	for i, x := range in.Taps {
		deep := m.forward(ex, &m.deep[i], x, in.Grids, "vision.deepstack", i)
		out.Deep = append(out.Deep, deep)
	}
	if err := ex.Err(); err != nil {
		return Output{}, err
	}
	return out, nil
}

// forward merges x [patches, InputSize] to [tokens, OutputSize], which it emits as the given stage.
func (m *Merger) forward(ex *tensor.Exec, mlp *mergeMLP, x tensor.Tensor, grids []rope.Grid,
	stage string, index int) tensor.Tensor {
	mark := ex.Mark()
	defer ex.Release(mark)

	// The patches of a merge group side by side.
	group := m.cfg.MergeSize * m.cfg.MergeSize
	n, wide := x.Rows/group, group*x.Cols
	if m.cfg.Raster {
		grouped := ex.Alloc(x.Rows, x.Cols)
		ex.GatherRows(grouped, x, groupOrder(grids, m.cfg.MergeSize))
		x = grouped
	}

	// Norm and join, in either order: from here on rows are tokens.
	h := ex.Alloc(x.Rows, x.Cols) // [patches, InputSize]
	if mlp.late {
		h = h.Reshape(n, wide)
		ex.NormRows(h, x.Reshape(n, wide), &mlp.norm)
	} else {
		ex.NormRows(h, x, &mlp.norm)
		if index < 0 && !m.cfg.Raster {
			ex.Emit("vision.post", -1, h)
		}
		h = h.Reshape(n, wide) // [tokens, group·InputSize]
	}
	if m.cfg.Raster {
		ex.Emit("adapter.pre_norm", -1, h)
	}

	mid := ex.LinearInput(h.Input(), mlp.fc1, m.cfg.Act, mlp.fc2) // [tokens, group·InputSize]
	out := tensor.New(n, m.cfg.OutputSize)                        // [tokens, OutputSize]
	ex.Linear(out, mid, mlp.fc2, tensor.Identity)
	ex.Emit(stage, index, out)
	return out
}

// groupOrder returns where the patches of merge groups lie in raster order.
func groupOrder(grids []rope.Grid, merge int) []int32 {
	var order []int32
	base := 0
	for _, g := range grids {
		for range g.T {
			rope.EachPatch(g.H, g.W, merge, func(y, x int) {
				order = append(order, int32(base+y*g.W+x))
			})
			base += g.H * g.W
		}
	}
	return order
}
