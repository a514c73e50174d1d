package weights

// What a model would bind, written down by its own constructors, to tell tensors and sizes of a
// model whose weights are not there. A Loader that plans has an empty Source and returns nil for
// everything; loader.go and bind.go ask it first.

import (
	"slices"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// Planned is a bind that a Loader was asked for, or one part of it where it joins several.
type Planned struct {
	Canonical string // the model's name
	Ref       Ref    // where it is in the checkpoint
	Shape     []int  // as the model wants it
	Format    tensor.Format
	Convert   bool // a matrix that is wanted in Format
	Joined    bool // a part, which is copied before anything else is done with it
}

// Plan is a list of binds, in order, and of binds of what was bound before, in another format.
type Plan struct {
	Binds, Copies []Planned
	Again         []string // the tensors that those before are tied to
}

// Wanted returns the names of the tensors that a model wants.
func (p *Plan) Wanted() []string {
	names := slices.Clone(p.Again)
	for _, b := range p.Binds {
		names = append(names, b.Ref.Name)
	}
	return names
}

// NewPlanner returns a Loader that binds nothing: constructors that run with it write down what
// they want, and must not use what they get. It serves to tell the tensors and the size of a model
// without its weights.
func NewPlanner(names Names) (*Loader, *Plan) {
	p := &Plan{}
	l := NewLoader(&Source{name: "plan"}, names)
	l.plan = p
	return l, p
}

// note writes a bind down, part by part, when the Loader plans.
func (b *binding) note(p Planned, ref Ref) bool {
	if b.plan == nil {
		return false
	}
	shape, last := p.Shape, len(p.Shape)-1
	for _, part := range ref.parts(shape[0], shape[last]) {
		p.Ref, p.Shape, p.Joined = part.Ref, slices.Clone(shape), len(ref.Join) > 0
		p.Shape[last] = part.cols
		p.Shape[0] = part.rows // after the columns: a vector has one dimension
		b.plan.Binds = append(b.plan.Binds, p)
	}
	return true
}
