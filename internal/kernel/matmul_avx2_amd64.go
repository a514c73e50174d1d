//go:build gc && !noasm && !purego

package kernel

// The inner-product tiles of AVX2, declared, and the choice by format and height.
// matmul_avx512_amd64.go is the same for AVX-512.

//go:noescape
func dotF32x1AVX2(args *dotArgs)

//go:noescape
func dotF32x2AVX2(args *dotArgs)

//go:noescape
func dotF32x3AVX2(args *dotArgs)

//go:noescape
func dotBF16x1AVX2(args *dotArgs)

//go:noescape
func dotBF16x2AVX2(args *dotArgs)

//go:noescape
func dotBF16x3AVX2(args *dotArgs)

//go:noescape
func dotF16x1AVX2(args *dotArgs)

//go:noescape
func dotF16x2AVX2(args *dotArgs)

//go:noescape
func dotF16x3AVX2(args *dotArgs)

//go:noescape
func rowF32x1AVX2(args *dotArgs)

//go:noescape
func rowF32x2AVX2(args *dotArgs)

//go:noescape
func rowF32x3AVX2(args *dotArgs)

//go:noescape
func rowBF16x1AVX2(args *dotArgs)

//go:noescape
func rowBF16x2AVX2(args *dotArgs)

//go:noescape
func rowBF16x3AVX2(args *dotArgs)

//go:noescape
func rowF16x1AVX2(args *dotArgs)

//go:noescape
func rowF16x2AVX2(args *dotArgs)

//go:noescape
func rowF16x3AVX2(args *dotArgs)

// dotAVX2 calls the tile for the format and the number of rows, 1 to 3.
func dotAVX2(format weightFormat, rows int, args *dotArgs) {
	switch format {
	case formatF32:
		switch rows {
		case 1:
			dotF32x1AVX2(args)
		case 2:
			dotF32x2AVX2(args)
		case 3:
			dotF32x3AVX2(args)
		}
	case formatBF16:
		switch rows {
		case 1:
			dotBF16x1AVX2(args)
		case 2:
			dotBF16x2AVX2(args)
		case 3:
			dotBF16x3AVX2(args)
		}
	case formatF16:
		switch rows {
		case 1:
			dotF16x1AVX2(args)
		case 2:
			dotF16x2AVX2(args)
		case 3:
			dotF16x3AVX2(args)
		}
	}
}

// rowAVX2 calls the tile for the format and the number of rows, 1 to 3.
func rowAVX2(format weightFormat, rows int, args *dotArgs) {
	switch format {
	case formatF32:
		switch rows {
		case 1:
			rowF32x1AVX2(args)
		case 2:
			rowF32x2AVX2(args)
		case 3:
			rowF32x3AVX2(args)
		}
	case formatBF16:
		switch rows {
		case 1:
			rowBF16x1AVX2(args)
		case 2:
			rowBF16x2AVX2(args)
		case 3:
			rowBF16x3AVX2(args)
		}
	case formatF16:
		switch rows {
		case 1:
			rowF16x1AVX2(args)
		case 2:
			rowF16x2AVX2(args)
		case 3:
			rowF16x3AVX2(args)
		}
	}
}
