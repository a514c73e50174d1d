package weights

// What constructors of towers and decoders see: a list of weights by the model's own names,
// collected with all its problems. bind.go finds and checks each; plan.go runs the same
// constructors without a checkpoint.

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// Limits of what Finish reports one by one.
const (
	maxProblems = 64
	maxListed   = 20
)

// Loader binds the tensors of a checkpoint. It collects problems instead of returning them at each
// call, so that constructors read as lists of weights and all problems are seen at once;
// [Loader.Finish] returns them. What a method returns may be used only once Finish has returned
// nil: where there was a problem it is nil.
//
// A Loader is not safe for concurrent use. What it returns refers to the Source's bytes and must
// not outlive it.
type Loader struct {
	*binding
	prefix  string
	format  tensor.Format // of matrices, if convert is set
	convert bool
}

// binding is what all Loaders made by Sub share.
type binding struct {
	plan     *Plan // nil: binds for real
	src      *Source
	names    Names
	used     map[int]*use // by index of the tensor
	parts    []Part       // nil: every tensor belongs to the model
	again    []string     // tensors in whose place another was bound again
	lacks    bool         // a tensor is missing
	ignored  []string
	unused   []string
	problems []error
	dropped  int // problems beyond maxProblems
	pending  []*tensor.Matrix
}

// NewLoader starts binding the tensors of src, found by names; nil means that the checkpoint uses
// the model's names.
func NewLoader(src *Source, names Names) *Loader {
	if names == nil {
		names = func(canonical string) Ref { return Ref{Name: canonical} }
	}
	return &Loader{binding: &binding{src: src, names: names, used: map[int]*use{}}}
}

// Sub returns a Loader whose names begin with parts, strings or ints, joined by dots: Sub("layer",
// 3).
//
// Panics on a part of another type.
func (l *Loader) Sub(parts ...any) *Loader {
	var b strings.Builder
	b.WriteString(l.prefix)
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case int:
			b.WriteString(strconv.Itoa(p))
		default:
			panic(badPart)
		}
		b.WriteByte('.')
	}
	sub := *l
	sub.prefix = b.String()
	return &sub
}

// As returns a Loader that binds matrices in a format, whatever the checkpoint stores: they are to
// be packed, see [Loader.Pending]. This is so where the checkpoint stores that very format too,
// since memory of large pages is read faster than a mapped file. F32 leaves them as they are
// stored, since every stored format is multiplied in float32.
func (l *Loader) As(f tensor.Format) *Loader {
	as := *l
	as.format, as.convert = f, f != tensor.F32
	return &as
}

// Stored returns a Loader that binds matrices as they are stored: those that are read row by row,
// or whose results decide something.
func (l *Loader) Stored() *Loader {
	stored := *l
	stored.convert = false
	return &stored
}

// Pending returns the matrices bound so far that must be packed before they are used, in order.
func (l *Loader) Pending() []*tensor.Matrix { return l.pending }

// Again binds a matrix once more, for another use: the same one, or its values in the Loader's
// format. A tensor of that other name, which is tied to it, is taken to be equal.
func (l *Loader) Again(m *tensor.Matrix, name string, rows, cols int) *tensor.Matrix {
	canonical := l.prefix + name + ".weight"
	l.again = append(l.again, l.names(canonical).Name)
	if l.plan != nil {
		l.plan.Again = l.again
		if l.convert {
			shape := []int{rows, cols}
			p := Planned{Canonical: canonical, Shape: shape, Format: l.format, Convert: true}
			l.plan.Copies = append(l.plan.Copies, p)
		}
		return nil
	}
	return l.packed(m)
}

// packed returns a matrix in the Loader's format.
func (l *Loader) packed(m *tensor.Matrix) *tensor.Matrix {
	if m == nil || !l.convert {
		return m
	}
	p := tensor.NewPacked(l.format, m)
	l.pending = append(l.pending, p)
	return p
}

// Matrix binds name + ".weight" as a matrix, where it lies if its address allows, else as an
// aligned copy (a [Ref] with Transpose or Join always copies). After [Loader.As] it may have to be
// packed.
//
// Shapes: the tensor is [rows, …] with the remaining dimensions multiplying to cols, so that a
// convolution over patches [D, C, T, P, P] is the matrix [D, C*T*P*P].
func (l *Loader) Matrix(name string, rows, cols int) *tensor.Matrix {
	return l.packed(l.matrix(l.prefix+name+".weight", rows, cols))
}

// MatrixBias is [Loader.Matrix] with name + ".bias", a vector of rows elements, as the matrix's
// bias.
func (l *Loader) MatrixBias(name string, rows, cols int) *tensor.Matrix {
	m := l.matrix(l.prefix+name+".weight", rows, cols)
	bias := l.Vector(name+".bias", rows)
	if m == nil || bias == nil {
		return nil
	}
	return l.packed(m.WithBias(bias))
}

// Vector binds name, the whole name, as n values. They are converted to float32 in memory of their
// own, and must be finite.
func (l *Loader) Vector(name string, n int) []float32 { return l.Floats(name, n) }

// Floats binds name, the whole name, as a tensor of the given shape, converted as by
// [Loader.Vector].
func (l *Loader) Floats(name string, shape ...int) []float32 {
	canonical := l.prefix + name
	ref := l.names(canonical)
	switch {
	case l.note(Planned{Canonical: canonical, Shape: shape}, ref):
		return nil
	case len(ref.Join) > 0:
		return l.joinedFloats(canonical, ref, shape)
	}
	return l.floats(canonical, ref, shape)
}

// Has reports whether the checkpoint has a tensor for name, the whole name, or a part of it. It
// binds nothing.
func (l *Loader) Has(name string) bool {
	return slices.ContainsFunc(l.names(l.prefix+name).Parts(), func(r Ref) bool {
		_, ok := l.src.find(r.Name)
		return ok
	})
}

// Shape returns the shape of the checkpoint's tensor for name, the whole name, or of its first
// part, as it is stored: before any cut or transposition. It binds nothing. It lets a family tell
// layouts apart.
func (l *Loader) Shape(name string) ([]int, bool) {
	i, ok := l.src.find(l.names(l.prefix + name).Parts()[0].Name)
	if !ok {
		return nil, false
	}
	return slices.Clone(l.src.tensors[i].Shape), true
}

// Ignore lets tensors of the checkpoint be left over: those whose name in the checkpoint equals a
// pattern, in which one "*" stands for anything.
func (l *Loader) Ignore(patterns ...string) { l.ignored = append(l.ignored, patterns...) }

// Parts says what the model's parts are: what then is left over is an error only if it belongs to
// one of them. [Loader.Unused] names the rest.
func (l *Loader) Parts(parts []Part) { l.parts = parts }

// Unused returns the tensors that the model has no use for, sorted, once [Loader.Finish] returned
// nil: other models' heads, buffers, and what is there twice.
func (l *Loader) Unused() []string { return l.unused }

// Finish returns all problems, joined, or nil.
//
// Errors: *[MissingError], *[ShapeError], *[UnsupportedError], *[ValueError], *[DuplicateError],
// *[FormatError], *[UnusedError]; of very many problems the first are given and the others counted.
func (l *Loader) Finish() error {
	errs := slices.Clone(l.problems)
	if l.dropped > 0 {
		errs = append(errs, fmt.Errorf("weights: %d more problems: %s", l.dropped, l.src.name))
	}
	unused := &UnusedError{File: l.src.name}
	owners := l.owners()
	for i, t := range l.src.tensors {
		ignored := func(pattern string) bool { return matches(pattern, t.Name) }
		if l.covered(i) || slices.Contains(l.again, t.Name) ||
			slices.ContainsFunc(l.ignored, ignored) {
			continue
		}
		if l.used[i] == nil && l.spare(owners, t) {
			l.unused = append(l.unused, t.Name)
			if !l.lacks {
				continue
			} // else this may be what is missing, under another name
		}
		if unused.Total++; len(unused.Tensors) < maxListed {
			unused.Tensors = append(unused.Tensors, t.Name)
		}
	}
	if unused.Total > 0 {
		errs = append(errs, unused)
	}
	l.unused = append(l.unused, l.src.extra...)
	slices.Sort(l.unused)
	return errors.Join(errs...)
}

// owners tells what belongs to the model, by the names of what was bound.
func (b *binding) owners() *owners {
	wanted := slices.Clone(b.again)
	for i := range b.used {
		wanted = append(wanted, b.src.tensors[i].Name)
	}
	return newOwners(b.parts, wanted)
}

// spare reports whether the model can do without a tensor that nothing was bound to: it belongs to
// no part of the model, or is computed, or is there under another name too.
func (b *binding) spare(o *owners, t Tensor) bool {
	switch {
	case b.parts == nil:
		return false
	case computed(t.Name, t.DType) || !o.owned(t.Name):
		return true
	}
	twin := o.twin(t.Name)
	return twin != "" && b.src.Equal(t.Name, twin)
}

func (b *binding) problem(err error) {
	if len(b.problems) < maxProblems {
		b.problems = append(b.problems, err)
	} else {
		b.dropped++
	}
}

// matches reports whether name fits a pattern in which the first "*" stands for anything.
func matches(pattern, name string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) &&
		strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}
