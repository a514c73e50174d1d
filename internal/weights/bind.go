package weights

// Binding one tensor, or a part of one: found by its name, held against the shape that is wanted,
// its elements claimed, its values decoded or left where they lie. loader.go is what constructors
// see; join.go makes one matrix of several tensors, transpose.go turns one.

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// found is a tensor that a model's name led to.
type found struct {
	Tensor
	index int
	ref   Ref
}

// piece is a matrix as it is stored: where it lies in a file, or a copy.
type piece struct {
	stored
	data []byte
}

func (l *Loader) matrix(canonical string, rows, cols int) *tensor.Matrix {
	ref := l.names(canonical)
	shape := []int{rows, cols}
	if l.note(Planned{Canonical: canonical, Shape: shape, Format: l.format, Convert: l.convert}, ref) {
		return nil
	}
	p, ok := l.joined(canonical, ref, rows, cols)
	if !ok {
		return nil
	}
	return tensor.NewMatrix(p.format, rows, cols, aligned(p.data, p.format.Align()), nil)
}

// bind finds the tensor of a reference. From here on it counts as used, whatever else is wrong with
// it.
func (b *binding) bind(canonical string, ref Ref) (found, bool) {
	i, ok := b.src.find(ref.Name)
	if !ok {
		file := cmp.Or(b.src.absent[ref.Name], b.src.name)
		b.problem(&MissingError{File: file, Tensor: ref.Name, For: canonical})
		b.lacks = true
		return found{}, false
	}
	if b.used[i] == nil {
		b.used[i] = &use{}
	}
	return found{Tensor: b.src.tensors[i], index: i, ref: ref}, true
}

// piece binds a matrix that is one tensor or a part of one.
func (l *Loader) piece(canonical string, ref Ref, rows, cols int) (piece, bool) {
	if ref.PlusOne || len(ref.Join) > 0 || !ref.Transpose && ref.ColHi != 0 {
		panic(badRef)
	}
	t, ok := l.bind(canonical, ref)
	if !ok {
		return piece{}, false
	}
	if ref.Transpose {
		return l.transposed(canonical, t, rows, cols)
	}
	total, ok := rowsOf(t.Shape, cols, ref.Hi > 0)
	lo, hi := ref.rows(total)
	if !ok || lo < 0 || hi > total || hi-lo != rows {
		l.problem(&ShapeError{File: t.File, Tensor: t.Name, Want: []int{rows, cols}, Got: t.Shape})
		return piece{}, false
	}
	s, ok := l.stored(t, "weight matrix", cols)
	if !ok || !l.claim(canonical, t, rowSpan(t.Shape, lo, hi, cols)) {
		return piece{}, false
	}
	return piece{s, t.Data[s.offset(lo*cols):s.offset(hi*cols)]}, true
}

// floats binds a vector that is one tensor or a part of one.
func (l *Loader) floats(canonical string, ref Ref, shape []int) []float32 {
	if len(ref.Join) > 0 || ref.Transpose || ref.ColHi != 0 {
		panic(badRef)
	}
	t, ok := l.bind(canonical, ref)
	if !ok {
		return nil
	}
	total := 0
	if len(t.Shape) > 0 {
		total = t.Shape[0]
	}
	lo, hi := ref.rows(total)
	if len(t.Shape) == 0 || len(shape) == 0 || !slices.Equal(t.Shape[1:], shape[1:]) ||
		lo < 0 || hi > total || hi-lo != shape[0] {
		l.problem(&ShapeError{File: t.File, Tensor: t.Name, Want: shape, Got: t.Shape})
		return nil
	}
	n, _ := Elements(t.Shape[1:]) // in a row
	row := int(n)
	s, ok := l.stored(t, "vector", lo*row, hi*row)
	if !ok || !l.claim(canonical, t, rowSpan(t.Shape, lo, hi, row)) {
		return nil
	}
	v := s.decode(t.Data[s.offset(lo*row):s.offset(hi*row)])
	if i := firstNotFinite(v); i >= 0 {
		l.problem(&ValueError{File: t.File, Tensor: t.Name, Index: lo*row + i, Value: float64(v[i])})
		return nil
	}
	if ref.PlusOne {
		for i := range v {
			v[i]++
		}
	}
	return v
}

// stored returns how a tensor is stored, if it can be bound as what is wanted and none of the
// places in it, counted in elements, lies within a block.
func (b *binding) stored(t found, what string, places ...int) (stored, bool) {
	s := t.DType.row()
	if !s.bound {
		b.problem(Unsupported(t.File, t.Name, "a %s of type %s", what, t.DType))
		return s, false
	}
	for _, n := range places {
		if uint64(n)%s.elements != 0 {
			b.problem(Unsupported(t.File, t.Name, "a %s cut within a block: at %d, %d elements in a block of %s",
				what, n, s.elements, t.DType))
			return s, false
		}
	}
	return s, true
}

// rowsOf returns the number of rows of cols elements: the first of two or more dimensions, or with
// flat as many leading dimensions as leave cols.
func rowsOf(shape []int, cols int, flat bool) (rows int, ok bool) {
	if cols < 0 {
		return 0, false
	}
	row := uint64(1)
	for k := len(shape) - 1; k >= 1; k-- {
		hi, lo := bits.Mul64(row, uint64(shape[k]))
		if hi != 0 {
			return 0, false
		}
		if row = lo; row != uint64(cols) || k > 1 && !flat {
			continue
		}
		n, ok := Elements(shape[:k])
		return int(n), ok && n <= math.MaxInt
	}
	return 0, false
}
