package weights

// What is used of each tensor, as rectangles, so that an element that nothing was bound to and one
// that two things were bound to are both errors, however a tensor is cut. bind.go claims each part
// before it is used, Loader.Finish asks what is left.

// use is what is used of a tensor: nothing yet where binding it failed.
type use struct {
	spans    []span
	elements int // of the tensor
}

// span is a rectangle of a tensor that is seen as a matrix, with its last dimension as columns (a
// vector is one column), so that parts cut along different dimensions can be compared.
type span struct{ lo, hi, colLo, colHi int }

// rowSpan is rows lo..hi-1 of cols elements each, all of a part of a tensor of that shape.
func rowSpan(shape []int, lo, hi, cols int) span {
	width := 1
	if len(shape) > 1 {
		width = shape[len(shape)-1]
	}
	n := cols / max(width, 1) // cols is a product of trailing dimensions
	return span{lo * n, hi * n, 0, width}
}

func (s span) overlaps(t span) bool {
	return s == t || s.lo < t.hi && t.lo < s.hi && s.colLo < t.colHi && t.colLo < s.colHi
}

// claim records that a part of a tensor is used now, which it must not have been.
func (b *binding) claim(canonical string, t found, part span) bool {
	u := b.used[t.index]
	for _, s := range u.spans {
		if s.overlaps(part) {
			b.problem(&DuplicateError{File: t.File, Tensor: t.Name, For: canonical})
			return false
		}
	}
	n, _ := Elements(t.Shape) // a reader has checked it
	u.spans, u.elements = append(u.spans, part), int(n)
	return true
}

// covered reports whether tensor i was used up: all of it, or with a problem that is reported
// already.
func (b *binding) covered(i int) bool {
	u := b.used[i]
	if u == nil || len(u.spans) == 0 {
		return u != nil
	}
	n := 0 // the spans do not overlap
	for _, s := range u.spans {
		n += (s.hi - s.lo) * (s.colHi - s.colLo)
	}
	return n == u.elements
}
