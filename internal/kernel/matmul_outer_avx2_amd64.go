//go:build gc && !noasm && !purego

package kernel

//go:noescape
func outer3AVX2(args *outerArgs)

//go:noescape
func outer4AVX2(args *outerArgs)

//go:noescape
func outer5AVX2(args *outerArgs)

//go:noescape
func outer6AVX2(args *outerArgs)

//go:noescape
func spreadF32AVX2(args *spreadArgs)

//go:noescape
func spreadBF16AVX2(args *spreadArgs)

//go:noescape
func spreadF16AVX2(args *spreadArgs)

// outerAVX2 calls the tile of that many rows.
func outerAVX2(rows int, args *outerArgs) {
	switch rows {
	case 3:
		outer3AVX2(args)
	case 4:
		outer4AVX2(args)
	case 5:
		outer5AVX2(args)
	case 6:
		outer6AVX2(args)
	}
}

func spreadAVX2(format weightFormat, args *spreadArgs) {
	switch format {
	case formatF32:
		spreadF32AVX2(args)
	case formatBF16:
		spreadBF16AVX2(args)
	case formatF16:
		spreadF16AVX2(args)
	}
}
