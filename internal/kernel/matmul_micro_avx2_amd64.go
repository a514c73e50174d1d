//go:build gc && !noasm && !purego

package kernel

// The micro-kernels of AVX2 and what interleaves rows for them, declared, and the choice among
// them. matmul_micro_avx512_amd64.go is the same for AVX-512.

//go:noescape
func micro3AVX2(args *microArgs)

//go:noescape
func micro4AVX2(args *microArgs)

//go:noescape
func micro5AVX2(args *microArgs)

//go:noescape
func micro6AVX2(args *microArgs)

//go:noescape
func interleaveF32AVX2(args *interleaveArgs)

//go:noescape
func interleaveBF16AVX2(args *interleaveArgs)

//go:noescape
func interleaveF16AVX2(args *interleaveArgs)

// microAVX2 calls the tile of that many rows.
func microAVX2(rows int, args *microArgs) {
	switch rows {
	case 3:
		micro3AVX2(args)
	case 4:
		micro4AVX2(args)
	case 5:
		micro5AVX2(args)
	case 6:
		micro6AVX2(args)
	}
}

func interleaveAVX2(format weightFormat, args *interleaveArgs) {
	switch format {
	case formatF32:
		interleaveF32AVX2(args)
	case formatBF16:
		interleaveBF16AVX2(args)
	case formatF16:
		interleaveF16AVX2(args)
	}
}
