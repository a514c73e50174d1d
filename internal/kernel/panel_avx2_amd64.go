//go:build gc && !noasm && !purego

package kernel

// The panel tiles of AVX2, declared, and the choice by height and width. panel_avx512_amd64.go is
// the same for AVX-512.

//go:noescape
func panel6x2AVX2(args *panelArgs)

//go:noescape
func panel6x1AVX2(args *panelArgs)

//go:noescape
func panel4x2AVX2(args *panelArgs)

//go:noescape
func panel4x1AVX2(args *panelArgs)

//go:noescape
func panel2x4AVX2(args *panelArgs)

//go:noescape
func panel2x2AVX2(args *panelArgs)

//go:noescape
func panel2x1AVX2(args *panelArgs)

//go:noescape
func panel1x4AVX2(args *panelArgs)

//go:noescape
func panel1x2AVX2(args *panelArgs)

//go:noescape
func panel1x1AVX2(args *panelArgs)

//go:noescape
func panelF16_6x2AVX2(args *panelArgs)

//go:noescape
func panelF16_6x1AVX2(args *panelArgs)

//go:noescape
func panelF16_4x2AVX2(args *panelArgs)

//go:noescape
func panelF16_4x1AVX2(args *panelArgs)

//go:noescape
func panelF16_3x2AVX2(args *panelArgs)

//go:noescape
func panelF16_3x1AVX2(args *panelArgs)

//go:noescape
func panelF16_2x4AVX2(args *panelArgs)

//go:noescape
func panelF16_2x2AVX2(args *panelArgs)

//go:noescape
func panelF16_2x1AVX2(args *panelArgs)

//go:noescape
func panelF16_1x4AVX2(args *panelArgs)

//go:noescape
func panelF16_1x2AVX2(args *panelArgs)

//go:noescape
func panelF16_1x1AVX2(args *panelArgs)

// panelAVX2 calls the tile of that many rows and vectors.
func panelAVX2(rows, vectors int, args *panelArgs) {
	switch [2]int{rows, vectors} {
	case [2]int{6, 2}:
		panel6x2AVX2(args)
	case [2]int{6, 1}:
		panel6x1AVX2(args)
	case [2]int{4, 2}:
		panel4x2AVX2(args)
	case [2]int{4, 1}:
		panel4x1AVX2(args)
	case [2]int{2, 4}:
		panel2x4AVX2(args)
	case [2]int{2, 2}:
		panel2x2AVX2(args)
	case [2]int{2, 1}:
		panel2x1AVX2(args)
	case [2]int{1, 4}:
		panel1x4AVX2(args)
	case [2]int{1, 2}:
		panel1x2AVX2(args)
	case [2]int{1, 1}:
		panel1x1AVX2(args)
	}
}

// panelF16AVX2 calls the tile of that many rows and vectors of a panel in half precision.
func panelF16AVX2(rows, vectors int, args *panelArgs) {
	switch [2]int{rows, vectors} {
	case [2]int{6, 2}:
		panelF16_6x2AVX2(args)
	case [2]int{6, 1}:
		panelF16_6x1AVX2(args)
	case [2]int{4, 2}:
		panelF16_4x2AVX2(args)
	case [2]int{4, 1}:
		panelF16_4x1AVX2(args)
	case [2]int{3, 2}:
		panelF16_3x2AVX2(args)
	case [2]int{3, 1}:
		panelF16_3x1AVX2(args)
	case [2]int{2, 4}:
		panelF16_2x4AVX2(args)
	case [2]int{2, 2}:
		panelF16_2x2AVX2(args)
	case [2]int{2, 1}:
		panelF16_2x1AVX2(args)
	case [2]int{1, 4}:
		panelF16_1x4AVX2(args)
	case [2]int{1, 2}:
		panelF16_1x2AVX2(args)
	case [2]int{1, 1}:
		panelF16_1x1AVX2(args)
	}
}
