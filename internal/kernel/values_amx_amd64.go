//go:build gc && !noasm && !purego

package kernel

// Weights of attention by values in tiles of AMX, in bytes: see values_bytes.go for the form. It is
// the counterpart of amx_amd64.go for the second product of attention.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// valuesArgs is what valuesAMX reads: the products of tiles of rows of weights by blocks of 16
// columns of values.
type valuesArgs struct {
	config          unsafe.Pointer // the shapes of the tile registers
	p, w, wscale, y unsafe.Pointer
	ldp, ldy        uintptr // bytes between rows
	rows, tiles     uintptr // rows of a tile, tiles
	steps           uintptr // of 64 keys
	blocks          uintptr // counted down
	// bytes from the end of a tile's weights to the next tile's (modulo 2^64), of a tile's y, and
	// of a block's values
	nextP, nextY, sizeW uintptr
	resume              uintptr // a mask: whether to add to y
	//lint:ignore U1000 only the assembly uses it
	left, to, scale, room uintptr
}

// valuesInBytes reports whether weights and values lie as bytes, for AMX.
func valuesInBytes() bool { return cpu.AMX && cpu.AVX512VNNI }

// valueShapes are the shapes of the tile registers of valuesAMX, by rows.
var valueShapes = func() (shapes [amxWords + 1][64]uint8) {
	for rows := range shapes {
		r := uint8(rows)
		shapes[rows] = tileConfig([8]tileSize{{r, 64}, {r, 64}, {r, 64}, {}, {r, 64}, {r, 64},
			{amxWords, 64}, {amxWords, 64}})
	}
	return shapes
}()

// matMulValuesAMX multiplies as many whole tiles as there are, and then the rest.
func matMulValuesAMX(y []float32, ldy int, p []int16, ldp, m int, panels []int16, scales []float32,
	cols, depth int, accumulate bool) {
	for r0 := 0; r0 < m; {
		rows, tiles := amxWords, (m-r0)/amxWords
		if tiles == 0 {
			rows, tiles = m-r0, 1
		}
		valuesAMX(&valuesArgs{
			config: unsafe.Pointer(&valueShapes[rows]),
			p:      unsafe.Pointer(&p[r0*ldp]), w: unsafe.Pointer(&panels[0]),
			wscale: unsafe.Pointer(&scales[0]), y: unsafe.Pointer(&y[r0*ldy]),
			ldp: uintptr(ldp) * 2, ldy: uintptr(ldy) * 4, rows: uintptr(rows),
			tiles: uintptr(tiles), steps: uintptr(depth / byteKeys), blocks: uintptr(cols / 16),
			nextP: uintptr(rows*ldp*2) - uintptr(depth*2), nextY: uintptr(rows * ldy * 4),
			sizeW:  uintptr(depth) * 32,
			resume: flag(accumulate) * addAgain,
		})
		r0 += rows * tiles
	}
}
