//go:build gc && !noasm && !purego

package kernel

// The micro-kernels of AVX-512 and what interleaves rows for them, declared, and the choice among
// them. matmul_micro_avx2_amd64.go is the same for AVX2.

//go:noescape
func micro6AVX512(args *microArgs)

//go:noescape
func micro7AVX512(args *microArgs)

//go:noescape
func micro8AVX512(args *microArgs)

//go:noescape
func micro9AVX512(args *microArgs)

//go:noescape
func micro10AVX512(args *microArgs)

//go:noescape
func micro11AVX512(args *microArgs)

//go:noescape
func micro12AVX512(args *microArgs)

//go:noescape
func interleaveF32AVX512(args *interleaveArgs)

//go:noescape
func interleaveBF16AVX512(args *interleaveArgs)

//go:noescape
func interleaveF16AVX512(args *interleaveArgs)

// microAVX512 calls the tile of that many rows.
func microAVX512(rows int, args *microArgs) {
	switch rows {
	case 6:
		micro6AVX512(args)
	case 7:
		micro7AVX512(args)
	case 8:
		micro8AVX512(args)
	case 9:
		micro9AVX512(args)
	case 10:
		micro10AVX512(args)
	case 11:
		micro11AVX512(args)
	case 12:
		micro12AVX512(args)
	}
}

func interleaveAVX512(format weightFormat, args *interleaveArgs) {
	switch format {
	case formatF32:
		interleaveF32AVX512(args)
	case formatBF16:
		interleaveBF16AVX512(args)
	case formatF16:
		interleaveF16AVX512(args)
	}
}
