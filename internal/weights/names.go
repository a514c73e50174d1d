package weights

// Where a checkpoint has what the model wants: a family's layout is a function from the model's names
// to references. A reference says only where and in what arrangement; bind.go, join.go and
// transpose.go act on it, plan.go writes it down.

import "strings"

// Ref says where in a checkpoint a tensor of the model is. What a family stores differently from
// how the model wants it is said here, so that the model's code does not know.
type Ref struct {
	// Name is the tensor in the checkpoint.
	Name string

	// Lo and Hi cut rows Lo..Hi-1 out of a tensor that holds several of the model's: fused q, k and
	// v, or stacked experts. All dimensions but those that make up a row count as rows then: expert
	// e of [E, out, in] is rows e*out..(e+1)*out-1 of in elements. Hi 0 means the whole tensor.
	Lo, Hi int

	// Transpose says that the checkpoint stores the matrix with its inputs as rows: [cols, rows]
	// instead of [rows, cols], as stacked experts [E, in, out] do. Lo and Hi then count rows of the
	// tensor's last dimension: expert e is rows e*in..(e+1)*in-1. For matrices only; they are
	// copied.
	Transpose bool

	// ColLo and ColHi cut columns ColLo..ColHi-1 out of the last dimension of a transposed tensor:
	// the gate or the up half of [E, in, 2*out]. ColHi 0 means all of them.
	ColLo, ColHi int

	// Join makes one tensor of several, each of which may be a cut. Without Run the rows of one
	// follow those of another: q, k and v that are stored apart. The parts that are no cuts have
	// equally many rows. A join of differently stored types is float32. Nothing else but Run is set
	// beside Join.
	Join []Ref

	// Run deals the columns of a matrix out to the parts of Join, that many at a time, in turns: a
	// convolution [D, C, 2, P, P] stored as two of [D, C, P, P] is joined in runs of P*P.
	Run int

	// PlusOne adds 1 to every value, in float32: norm weights that are stored around zero. For
	// vectors only.
	PlusOne bool
}

// rows returns the rows meant, of a tensor of total rows.
func (r Ref) rows(total int) (lo, hi int) { return part(r.Lo, r.Hi, total) }

// columns returns the columns meant, of a transposed tensor of width columns.
func (r Ref) columns(width int) (lo, hi int) { return part(r.ColLo, r.ColHi, width) }

func part(lo, hi, total int) (int, int) {
	if hi > 0 {
		return lo, hi
	}
	return 0, total
}

// Names maps the model's name of a tensor, such as "layer.3.attn.q.weight", to its place in a
// checkpoint.
type Names func(canonical string) Ref

// Rename makes Names from pairs of patterns, a model's name and a checkpoint's. In the first of a
// pair, "*" stands for one or more dotted parts of a name when it is the last part, else for
// exactly one; in the second the stars are replaced by what they stood for, in order. The first
// pair that fits counts; a name that none fits stays as it is.
//
// Panics if a pair is incomplete or the numbers of its stars differ.
func Rename(pairs ...string) Names {
	type rule struct{ from, to []string }
	rules := make([]rule, 0, len(pairs)/2)
	if len(pairs)%2 != 0 {
		panic(badTable)
	}
	for i := 0; i < len(pairs); i += 2 {
		r := rule{strings.Split(pairs[i], "."), strings.Split(pairs[i+1], "*")}
		if strings.Count(pairs[i], "*") != len(r.to)-1 {
			panic(badTable)
		}
		rules = append(rules, r)
	}
	return func(canonical string) Ref {
		for _, r := range rules {
			if stars, ok := match(r.from, canonical); ok {
				return Ref{Name: fill(r.to, stars)}
			}
		}
		return Ref{Name: canonical}
	}
}

// match returns what the stars of pattern stand for in name.
func match(pattern []string, name string) (stars []string, ok bool) {
	for i, want := range pattern {
		if want == "*" && i == len(pattern)-1 {
			return append(stars, name), name != ""
		}
		part, rest, more := strings.Cut(name, ".")
		if more == (i == len(pattern)-1) {
			return nil, false
		}
		switch want {
		case "*":
			stars = append(stars, part)
		case part:
		default:
			return nil, false
		}
		name = rest
	}
	return stars, true
}

func fill(to, stars []string) string {
	var b strings.Builder
	for i, part := range to {
		if i > 0 {
			b.WriteString(stars[i-1])
		}
		b.WriteString(part)
	}
	return b.String()
}
