// Package tensor is the numeric core that the vision tower, the adapters and the decoder are
// written in.
//
// Activations are float32 row matrices ([Tensor]); heads are index arithmetic inside the
// operations. Weights are [Matrix] values in their storage format. Operations are methods of
// [Exec], which owns the workers, the workspace and the choice of kernels. They are eager, and
// fused at the grain that a barrier between workers costs.
//
// Determinism: work is split over output rows and columns only, never over a sum, and every row is
// computed in an order of its own that does not depend on its neighbors. On one instruction set a
// row's result is the same bit for bit alone, in a batch, and with any number of threads.
//
// Where to look:
//
//	weights      matrix.go, format.go (how they are stored), packing.go
//	products     linear.go, heads.go, experts.go; product.go (how rows are multiplied), input.go
//	attention    varlen.go and varlen_int8.go (towers), paged.go and kv_layout.go (decoder, cache)
//	the rest     rows.go (norms, sums), rotate.go, delta.go
//	running      exec.go, arena.go, trace.go
package tensor

// Tensor is a dense row-major matrix of float32 activations, Rows by Cols. The zero value is empty.
// Copies share the elements.
type Tensor struct {
	Rows, Cols int
	data       []float32
}

// New returns a zeroed tensor that the garbage collector owns. Inside a forward pass use
// [Exec.Alloc].
func New(rows, cols int) Tensor {
	if rows < 0 || cols < 0 {
		panic(badShape)
	}
	return Tensor{Rows: rows, Cols: cols, data: make([]float32, rows*cols)}
}

// FromSlice wraps data, which is not copied.
//
// Panics if len(data) is not rows·cols.
func FromSlice(rows, cols int, data []float32) Tensor {
	if rows < 0 || cols < 0 || len(data) != rows*cols {
		panic(badShape)
	}
	return Tensor{Rows: rows, Cols: cols, data: data}
}

// Row returns row i; writing to it writes to the tensor.
func (t Tensor) Row(i int) []float32 { return t.data[i*t.Cols : (i+1)*t.Cols : (i+1)*t.Cols] }

// Slice returns rows lo..hi-1, sharing the elements.
func (t Tensor) Slice(lo, hi int) Tensor {
	if lo < 0 || hi < lo || hi > t.Rows {
		panic(badShape)
	}
	return Tensor{Rows: hi - lo, Cols: t.Cols, data: t.data[lo*t.Cols : hi*t.Cols : hi*t.Cols]}
}

// Reshape returns the same elements as rows by cols.
func (t Tensor) Reshape(rows, cols int) Tensor { return FromSlice(rows, cols, t.data) }

// Floats returns all elements, row by row. It is for the edges: pixels in, logits out, traces and
// tests.
func (t Tensor) Floats() []float32 { return t.data }
