package tensor

// Rotary position embedding: pairs of channels of each head turn by angles that belong to the row.
// Package rope computes the angles; the two pairings are the two conventions of checkpoints.

import "github.com/qwenvl/qwenvl/internal/kernel"

// Pairing says which two channels a rotary embedding turns together.
type Pairing uint8

// The pairings in use.
const (
	HalfSplit Pairing = iota // channel i with channel i+h, h half of the rotated width
	Neighbors                // channel 2i with channel 2i+1
)

// Rotate turns heads of every row by the angles of that row: the first 2·cos.Cols channels of each
// of the heads that start at columns off+h·headDim.
//
// Shapes: x is [n, ≥ off+heads·headDim]; cos and sin are [n, half the rotated width].
func (ex *Exec) Rotate(x Tensor, off, heads, headDim int, cos, sin Tensor, pairing Pairing) {
	if cos.Rows != x.Rows || sin.Rows != x.Rows || cos.Cols != sin.Cols ||
		2*cos.Cols > headDim || off < 0 || off+heads*headDim > x.Cols {
		panic(badShape)
	}
	turn := kernel.RotateHalf
	if pairing == Neighbors {
		turn = kernel.RotatePairs
	}
	ex.runRows(rowLoop{n: x.Rows, f: rotateRow, x: x, cos: cos, sin: sin, turn: turn,
		off: off, width: heads * headDim, stride: headDim})
}

func rotateRow(l *rowLoop, r int) {
	row, cos, sin := l.x.Row(r)[l.off:l.off+l.width], l.cos.Row(r), l.sin.Row(r)
	for h := 0; h < l.width; h += l.stride {
		l.turn(row[h:h+2*len(cos)], cos, sin)
	}
}
