//go:build gc && !noasm && !purego

package jpeg

// The inner loops on amd64: the assembly of simd_amd64.s where the processor has AVX2, with the
// same results as the Go functions, which do the rest.

import "github.com/qwenvl/qwenvl/internal/cpu"

//go:noescape
func idctAVX2(dst *uint8, stride int, coefs, quant *[64]int16)

// yccAVX2 does n samples, a multiple of 8, and writes four bytes more than their pixels take.
//
//go:noescape
func yccAVX2(dst, y, cb, cr *uint8, n int)

// smoothH2V2AVX2 does n samples, a multiple of 16, and reads one more at each end.
//
//go:noescape
func smoothH2V2AVX2(dst, near, far *uint8, n int)

// smoothH2AVX2 is the same for one row.
//
//go:noescape
func smoothH2AVX2(dst, src *uint8, n int)

// idctFast transforms a block unless there is no faster way than in Go.
func idctFast(dst []uint8, stride int, b *block, t *quantTable) bool {
	if !cpu.AVX2 {
		return false
	}
	_ = dst[7*stride+7]
	idctAVX2(&dst[0], stride, &b.c, &t.q)
	return true
}

// yccFast converts pixels from the left and returns how many.
func yccFast(dst, luma, cb, cr []uint8) int {
	n := (len(luma) - 2) &^ 7 // two pixels are room for the bytes written in excess
	if !cpu.AVX2 || n < 8 {
		return 0
	}
	_, _, _ = dst[3*n+5], cb[n-1], cr[n-1]
	yccAVX2(&dst[0], &luma[0], &cb[0], &cr[0], n)
	return n
}

// smoothH2V2Fast does samples from the second on and returns how many.
func smoothH2V2Fast(dst, near, far []uint8) int {
	n := (len(near) - 2) &^ 15
	if !cpu.AVX2 || n < 16 {
		return 0
	}
	_, _ = dst[2*n+1], far[n+1]
	smoothH2V2AVX2(&dst[2], &near[1], &far[1], n)
	return n
}

// smoothH2Fast is the same for one row.
func smoothH2Fast(dst, src []uint8) int {
	n := (len(src) - 2) &^ 15
	if !cpu.AVX2 || n < 16 {
		return 0
	}
	_ = dst[2*n+1]
	smoothH2AVX2(&dst[2], &src[1], n)
	return n
}
