//go:build gc && !noasm && !purego

package kernel

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
