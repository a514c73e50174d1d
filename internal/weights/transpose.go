package weights

// Matrices that a checkpoint stores with their inputs as rows: they are copied, turned, through
// tiles. What is stored as the model wants it is bound in loader.go without a copy.

import "unsafe"

// transposed binds rows lo..hi-1 and columns colLo..colHi-1 of a tensor, its last dimension being
// the columns, as the matrix [colHi-colLo, hi-lo]. Blocks run along the tensor's rows, so that a
// block type comes out as float32.
func (l *Loader) transposed(canonical string, t found, rows, cols int) (piece, bool) {
	width := 0
	if len(t.Shape) > 0 {
		width = t.Shape[len(t.Shape)-1]
	}
	total, ok := rowsOf(t.Shape, width, true)
	lo, hi := t.ref.rows(total)
	colLo, colHi := t.ref.columns(width)
	if !ok || lo < 0 || hi > total || hi-lo != cols ||
		colLo < 0 || colHi > width || colHi-colLo != rows {
		l.problem(&ShapeError{File: t.File, Tensor: t.Name, Want: []int{cols, rows}, Got: t.Shape})
		return piece{}, false
	}
	s, ok := l.stored(t, "weight matrix", lo*width, hi*width)
	if !ok || !l.claim(canonical, t, span{lo, hi, colLo, colHi}) {
		return piece{}, false
	}
	from := t.Data[s.offset(lo*width):s.offset(hi*width)]
	if s.elements > 1 {
		s, from = F32.row(), floatBytes(s.decode(from))
	}
	size := int(s.bytes)
	data := newBuffer(rows * cols * size)
	if len(data) > 0 {
		if from = from[colLo*size:]; size == 2 {
			transpose[uint16](data, from, width, rows, cols)
		} else {
			transpose[uint32](data, from, width, rows, cols)
		}
	}
	return piece{s, data}, true
}

// transpose sets dst[r·cols+c] = src[c·ld+r], elements of type T; src may lie at any address. It
// goes through a tile that is read and written by whole cache lines, since rows whose length is a
// power of two would push each other out of the cache.
func transpose[T uint16 | uint32](dst, src []byte, ld, rows, cols int) {
	const side = 32
	var tile [side * side]T
	size := int(unsafe.Sizeof(tile[0]))
	tileBytes := unsafe.Slice((*byte)(unsafe.Pointer(&tile)), side*side*size)
	out := unsafe.Slice((*T)(unsafe.Pointer(&dst[0])), rows*cols)
	for c0 := 0; c0 < cols; c0 += side { // along the file
		n := min(side, cols-c0)
		for r0 := 0; r0 < rows; r0 += side {
			m := min(side, rows-r0)
			for c := range n {
				at := ((c0+c)*ld + r0) * size
				copy(tileBytes[c*side*size:], src[at:at+m*size])
			}
			for r := range m {
				row := out[(r0+r)*cols+c0:][:n]
				for c := range row {
					row[c] = tile[(c*side+r)%len(tile)]
				}
			}
		}
	}
}
