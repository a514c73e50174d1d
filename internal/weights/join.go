package weights

// One tensor of the model made of several of the checkpoint: rows after rows, as when q, k and v
// are stored apart, or columns taking turns, as when a convolution over two frames is stored as
// two. What is joined is a copy; a cut that can be used where it lies is bound in bind.go.

import "slices"

// portion is a part of a join and the shape that is wanted of it.
type portion struct {
	Ref
	rows, cols int
}

// Parts returns what is joined, or the reference itself.
func (r Ref) Parts() []Ref {
	if len(r.Join) > 0 {
		return r.Join
	}
	return []Ref{r}
}

// parts returns what a reference to a tensor of that shape is made of. Columns are dealt out
// evenly, and so are the rows that are left beside those of parts that are cuts.
func (r Ref) parts(rows, cols int) []portion {
	if len(r.Join) == 0 {
		return []portion{{r, rows, cols}}
	}
	if r.Name != "" || r.Hi != 0 || r.ColHi != 0 || r.Transpose || r.PlusOne {
		panic(badRef)
	}
	var parts []portion
	left, whole := rows, 0
	for _, p := range r.Join {
		if r.Run > 0 {
			parts = append(parts, portion{p, rows, cols / len(r.Join) / r.Run * r.Run})
			continue
		}
		h := p.Hi - p.Lo
		if p.Transpose {
			h = p.ColHi - p.ColLo
		}
		if left -= h; h == 0 {
			whole++
		}
		parts = append(parts, portion{p, h, cols})
	}
	for i := range parts {
		if parts[i].rows == 0 && whole > 0 {
			parts[i].rows = left / whole
		}
	}
	return parts
}

// fit reports whether parts come to [rows, cols] together; if not, that is a problem of the first.
func (b *binding) fit(parts []portion, run, rows, cols int) bool {
	got := []int{0, cols}
	for _, p := range parts {
		got[0] += p.rows
	}
	if run > 0 {
		got = []int{rows, len(parts) * parts[0].cols}
	}
	if got[0] != rows || got[1] != cols {
		b.problem(&ShapeError{File: b.src.name, Tensor: parts[0].Name, Want: []int{rows, cols}, Got: got})
		return false
	}
	return true
}

// joined binds all parts and copies them into one matrix: of their stored type, or of float32 where
// the types differ or a run of columns is not made of whole blocks. What is one part stays where it
// lies.
func (l *Loader) joined(canonical string, ref Ref, rows, cols int) (piece, bool) {
	if len(ref.Join) == 0 {
		return l.piece(canonical, ref, rows, cols)
	}
	parts := ref.parts(rows, cols)
	ok := l.fit(parts, ref.Run, rows, cols)
	pieces := make([]piece, len(parts))
	for i, p := range parts {
		var bound bool
		pieces[i], bound = l.piece(canonical, p.Ref, p.rows, p.cols)
		ok = ok && bound
	}
	if !ok {
		return piece{}, false
	}
	as := pieces[0].stored
	for _, p := range pieces {
		if p.name != as.name || uint64(ref.Run)%as.elements != 0 {
			as = F32.row()
		}
	}
	data, at := newBuffer(as.offset(rows*cols)), 0
	for i, p := range pieces {
		from := p.data
		if p.name != as.name {
			from = floatBytes(p.decode(from))
		}
		n, step := len(from), len(from)
		if ref.Run > 0 {
			n = as.offset(ref.Run)
			at, step = i*n, len(pieces)*n
		}
		for ; len(from) > 0; at += step {
			from = from[copy(data[at:], from[:n]):]
		}
		l.src.forget(p.data)
	}
	return piece{as, data}, true
}

// joinedFloats binds all parts of a vector.
func (l *Loader) joinedFloats(canonical string, ref Ref, shape []int) []float32 {
	if ref.Run != 0 || len(shape) == 0 {
		panic(badRef)
	}
	parts := ref.parts(shape[0], 1)
	ok := l.fit(parts, 0, shape[0], 1)
	v := []float32{}
	for _, p := range parts {
		f := l.floats(canonical, p.Ref, slices.Concat([]int{p.rows}, shape[1:]))
		v, ok = append(v, f...), ok && f != nil
	}
	if !ok {
		return nil
	}
	return v
}
