//go:build gc && !noasm && !purego

package kernel

//go:noescape
func outer6AVX512(args *outerArgs)

//go:noescape
func outer7AVX512(args *outerArgs)

//go:noescape
func outer8AVX512(args *outerArgs)

//go:noescape
func outer9AVX512(args *outerArgs)

//go:noescape
func outer10AVX512(args *outerArgs)

//go:noescape
func outer11AVX512(args *outerArgs)

//go:noescape
func outer12AVX512(args *outerArgs)

//go:noescape
func spreadF32AVX512(args *spreadArgs)

//go:noescape
func spreadBF16AVX512(args *spreadArgs)

//go:noescape
func spreadF16AVX512(args *spreadArgs)

// outerAVX512 calls the tile of that many rows.
func outerAVX512(rows int, args *outerArgs) {
	switch rows {
	case 6:
		outer6AVX512(args)
	case 7:
		outer7AVX512(args)
	case 8:
		outer8AVX512(args)
	case 9:
		outer9AVX512(args)
	case 10:
		outer10AVX512(args)
	case 11:
		outer11AVX512(args)
	case 12:
		outer12AVX512(args)
	}
}

func spreadAVX512(format weightFormat, args *spreadArgs) {
	switch format {
	case formatF32:
		spreadF32AVX512(args)
	case formatBF16:
		spreadBF16AVX512(args)
	case formatF16:
		spreadF16AVX512(args)
	}
}
