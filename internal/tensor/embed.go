package tensor

// DecodeRow writes row i of the matrix as float32 to dst, without the bias.
//
// Shapes: dst is Cols long.
func (m *Matrix) DecodeRow(dst []float32, i int) {
	if len(dst) != m.cols || i < 0 || i >= m.rows {
		panic(badShape)
	}
	formats[m.format].decode(m, dst, i)
}
