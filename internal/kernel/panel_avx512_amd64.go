//go:build gc && !noasm && !purego

package kernel

// The panel tiles of AVX-512, declared, and the choice by height and width. panel_avx2_amd64.go is
// the same for AVX2.

//go:noescape
func panel12x2AVX512(args *panelArgs)

//go:noescape
func panel12x1AVX512(args *panelArgs)

//go:noescape
func panel8x2AVX512(args *panelArgs)

//go:noescape
func panel8x1AVX512(args *panelArgs)

//go:noescape
func panel6x4AVX512(args *panelArgs)

//go:noescape
func panel6x2AVX512(args *panelArgs)

//go:noescape
func panel6x1AVX512(args *panelArgs)

//go:noescape
func panel4x4AVX512(args *panelArgs)

//go:noescape
func panel4x2AVX512(args *panelArgs)

//go:noescape
func panel4x1AVX512(args *panelArgs)

//go:noescape
func panel3x4AVX512(args *panelArgs)

//go:noescape
func panel3x2AVX512(args *panelArgs)

//go:noescape
func panel3x1AVX512(args *panelArgs)

//go:noescape
func panel2x4AVX512(args *panelArgs)

//go:noescape
func panel2x2AVX512(args *panelArgs)

//go:noescape
func panel2x1AVX512(args *panelArgs)

//go:noescape
func panel1x4AVX512(args *panelArgs)

//go:noescape
func panel1x2AVX512(args *panelArgs)

//go:noescape
func panel1x1AVX512(args *panelArgs)

//go:noescape
func panelF16_8x2AVX512(args *panelArgs)

//go:noescape
func panelF16_8x1AVX512(args *panelArgs)

//go:noescape
func panelF16_7x4AVX512(args *panelArgs)

//go:noescape
func panelF16_7x2AVX512(args *panelArgs)

//go:noescape
func panelF16_7x1AVX512(args *panelArgs)

//go:noescape
func panelF16_6x4AVX512(args *panelArgs)

//go:noescape
func panelF16_6x2AVX512(args *panelArgs)

//go:noescape
func panelF16_6x1AVX512(args *panelArgs)

//go:noescape
func panelF16_5x4AVX512(args *panelArgs)

//go:noescape
func panelF16_5x2AVX512(args *panelArgs)

//go:noescape
func panelF16_5x1AVX512(args *panelArgs)

//go:noescape
func panelF16_4x4AVX512(args *panelArgs)

//go:noescape
func panelF16_4x2AVX512(args *panelArgs)

//go:noescape
func panelF16_4x1AVX512(args *panelArgs)

//go:noescape
func panelF16_3x4AVX512(args *panelArgs)

//go:noescape
func panelF16_3x2AVX512(args *panelArgs)

//go:noescape
func panelF16_3x1AVX512(args *panelArgs)

//go:noescape
func panelF16_2x4AVX512(args *panelArgs)

//go:noescape
func panelF16_2x2AVX512(args *panelArgs)

//go:noescape
func panelF16_2x1AVX512(args *panelArgs)

//go:noescape
func panelF16_1x4AVX512(args *panelArgs)

//go:noescape
func panelF16_1x2AVX512(args *panelArgs)

//go:noescape
func panelF16_1x1AVX512(args *panelArgs)

// panelAVX512 calls the tile of that many rows and vectors.
func panelAVX512(rows, vectors int, args *panelArgs) {
	switch [2]int{rows, vectors} {
	case [2]int{12, 2}:
		panel12x2AVX512(args)
	case [2]int{12, 1}:
		panel12x1AVX512(args)
	case [2]int{8, 2}:
		panel8x2AVX512(args)
	case [2]int{8, 1}:
		panel8x1AVX512(args)
	case [2]int{6, 4}:
		panel6x4AVX512(args)
	case [2]int{6, 2}:
		panel6x2AVX512(args)
	case [2]int{6, 1}:
		panel6x1AVX512(args)
	case [2]int{4, 4}:
		panel4x4AVX512(args)
	case [2]int{4, 2}:
		panel4x2AVX512(args)
	case [2]int{4, 1}:
		panel4x1AVX512(args)
	case [2]int{3, 4}:
		panel3x4AVX512(args)
	case [2]int{3, 2}:
		panel3x2AVX512(args)
	case [2]int{3, 1}:
		panel3x1AVX512(args)
	case [2]int{2, 4}:
		panel2x4AVX512(args)
	case [2]int{2, 2}:
		panel2x2AVX512(args)
	case [2]int{2, 1}:
		panel2x1AVX512(args)
	case [2]int{1, 4}:
		panel1x4AVX512(args)
	case [2]int{1, 2}:
		panel1x2AVX512(args)
	case [2]int{1, 1}:
		panel1x1AVX512(args)
	}
}

// panelF16AVX512 calls the tile of that many rows and vectors of a panel in half precision.
func panelF16AVX512(rows, vectors int, args *panelArgs) {
	switch [2]int{rows, vectors} {
	case [2]int{8, 2}:
		panelF16_8x2AVX512(args)
	case [2]int{8, 1}:
		panelF16_8x1AVX512(args)
	case [2]int{7, 4}:
		panelF16_7x4AVX512(args)
	case [2]int{7, 2}:
		panelF16_7x2AVX512(args)
	case [2]int{7, 1}:
		panelF16_7x1AVX512(args)
	case [2]int{6, 4}:
		panelF16_6x4AVX512(args)
	case [2]int{6, 2}:
		panelF16_6x2AVX512(args)
	case [2]int{6, 1}:
		panelF16_6x1AVX512(args)
	case [2]int{5, 4}:
		panelF16_5x4AVX512(args)
	case [2]int{5, 2}:
		panelF16_5x2AVX512(args)
	case [2]int{5, 1}:
		panelF16_5x1AVX512(args)
	case [2]int{4, 4}:
		panelF16_4x4AVX512(args)
	case [2]int{4, 2}:
		panelF16_4x2AVX512(args)
	case [2]int{4, 1}:
		panelF16_4x1AVX512(args)
	case [2]int{3, 4}:
		panelF16_3x4AVX512(args)
	case [2]int{3, 2}:
		panelF16_3x2AVX512(args)
	case [2]int{3, 1}:
		panelF16_3x1AVX512(args)
	case [2]int{2, 4}:
		panelF16_2x4AVX512(args)
	case [2]int{2, 2}:
		panelF16_2x2AVX512(args)
	case [2]int{2, 1}:
		panelF16_2x1AVX512(args)
	case [2]int{1, 4}:
		panelF16_1x4AVX512(args)
	case [2]int{1, 2}:
		panelF16_1x2AVX512(args)
	case [2]int{1, 1}:
		panelF16_1x1AVX512(args)
	}
}
