//go:build gc && !noasm && !purego

package kernel

// The inner-product tiles of AVX-512, declared, and the choice by format and height.
// matmul_avx2_amd64.go is the same for AVX2.

//go:noescape
func dotF32x1AVX512(args *dotArgs)

//go:noescape
func dotF32x2AVX512(args *dotArgs)

//go:noescape
func dotF32x3AVX512(args *dotArgs)

//go:noescape
func dotF32x4AVX512(args *dotArgs)

//go:noescape
func dotF32x5AVX512(args *dotArgs)

//go:noescape
func dotF32x6AVX512(args *dotArgs)

//go:noescape
func dotBF16x1AVX512(args *dotArgs)

//go:noescape
func dotBF16x2AVX512(args *dotArgs)

//go:noescape
func dotBF16x3AVX512(args *dotArgs)

//go:noescape
func dotBF16x4AVX512(args *dotArgs)

//go:noescape
func dotBF16x5AVX512(args *dotArgs)

//go:noescape
func dotBF16x6AVX512(args *dotArgs)

//go:noescape
func dotF16x1AVX512(args *dotArgs)

//go:noescape
func dotF16x2AVX512(args *dotArgs)

//go:noescape
func dotF16x3AVX512(args *dotArgs)

//go:noescape
func dotF16x4AVX512(args *dotArgs)

//go:noescape
func dotF16x5AVX512(args *dotArgs)

//go:noescape
func dotF16x6AVX512(args *dotArgs)

//go:noescape
func rowF32x1AVX512(args *dotArgs)

//go:noescape
func rowF32x2AVX512(args *dotArgs)

//go:noescape
func rowF32x3AVX512(args *dotArgs)

//go:noescape
func rowF32x4AVX512(args *dotArgs)

//go:noescape
func rowF32x5AVX512(args *dotArgs)

//go:noescape
func rowF32x6AVX512(args *dotArgs)

//go:noescape
func rowBF16x1AVX512(args *dotArgs)

//go:noescape
func rowBF16x2AVX512(args *dotArgs)

//go:noescape
func rowBF16x3AVX512(args *dotArgs)

//go:noescape
func rowBF16x4AVX512(args *dotArgs)

//go:noescape
func rowBF16x5AVX512(args *dotArgs)

//go:noescape
func rowBF16x6AVX512(args *dotArgs)

//go:noescape
func rowF16x1AVX512(args *dotArgs)

//go:noescape
func rowF16x2AVX512(args *dotArgs)

//go:noescape
func rowF16x3AVX512(args *dotArgs)

//go:noescape
func rowF16x4AVX512(args *dotArgs)

//go:noescape
func rowF16x5AVX512(args *dotArgs)

//go:noescape
func rowF16x6AVX512(args *dotArgs)

// dotAVX512 calls the tile for the format and the number of rows, 1 to 6.
func dotAVX512(format weightFormat, rows int, args *dotArgs) {
	switch format {
	case formatF32:
		switch rows {
		case 1:
			dotF32x1AVX512(args)
		case 2:
			dotF32x2AVX512(args)
		case 3:
			dotF32x3AVX512(args)
		case 4:
			dotF32x4AVX512(args)
		case 5:
			dotF32x5AVX512(args)
		case 6:
			dotF32x6AVX512(args)
		}
	case formatBF16:
		switch rows {
		case 1:
			dotBF16x1AVX512(args)
		case 2:
			dotBF16x2AVX512(args)
		case 3:
			dotBF16x3AVX512(args)
		case 4:
			dotBF16x4AVX512(args)
		case 5:
			dotBF16x5AVX512(args)
		case 6:
			dotBF16x6AVX512(args)
		}
	case formatF16:
		switch rows {
		case 1:
			dotF16x1AVX512(args)
		case 2:
			dotF16x2AVX512(args)
		case 3:
			dotF16x3AVX512(args)
		case 4:
			dotF16x4AVX512(args)
		case 5:
			dotF16x5AVX512(args)
		case 6:
			dotF16x6AVX512(args)
		}
	}
}

// rowAVX512 calls the tile for the format and the number of rows, 1 to 6.
func rowAVX512(format weightFormat, rows int, args *dotArgs) {
	switch format {
	case formatF32:
		switch rows {
		case 1:
			rowF32x1AVX512(args)
		case 2:
			rowF32x2AVX512(args)
		case 3:
			rowF32x3AVX512(args)
		case 4:
			rowF32x4AVX512(args)
		case 5:
			rowF32x5AVX512(args)
		case 6:
			rowF32x6AVX512(args)
		}
	case formatBF16:
		switch rows {
		case 1:
			rowBF16x1AVX512(args)
		case 2:
			rowBF16x2AVX512(args)
		case 3:
			rowBF16x3AVX512(args)
		case 4:
			rowBF16x4AVX512(args)
		case 5:
			rowBF16x5AVX512(args)
		case 6:
			rowBF16x6AVX512(args)
		}
	case formatF16:
		switch rows {
		case 1:
			rowF16x1AVX512(args)
		case 2:
			rowF16x2AVX512(args)
		case 3:
			rowF16x3AVX512(args)
		case 4:
			rowF16x4AVX512(args)
		case 5:
			rowF16x5AVX512(args)
		case 6:
			rowF16x6AVX512(args)
		}
	}
}
