package weights

// Planned is a bind that a Loader was asked for.
type Planned struct {
	Canonical string // the model's name
	Ref       Ref    // where it is in the checkpoint
	Shape     []int  // as the model wants it
}

// Plan is a list of binds, in order.
type Plan struct{ Binds []Planned }

// NewPlanner returns a Loader that binds nothing: constructors that run with it write down what they want, and must not use what they get.
// It serves to tell the tensors and the size of a model without its weights.
func NewPlanner(names Names) (*Loader, *Plan) {
	p := &Plan{}
	l := NewLoader(&Source{name: "plan"}, names)
	l.plan = p
	return l, p
}

// note writes a bind down when the Loader plans.
func (b *binding) note(canonical string, shape ...int) bool {
	if b.plan == nil {
		return false
	}
	b.plan.Binds = append(b.plan.Binds, Planned{Canonical: canonical, Ref: b.names(canonical), Shape: shape})
	return true
}
