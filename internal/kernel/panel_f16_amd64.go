//go:build gc && !noasm && !purego

package kernel

// The panel product with a panel in half precision on amd64: few rows read it as it is.

import (
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/cpu"
)

// panelF16Rows is the most rows that multiply a panel in half precision as it is. On Zen 4 more are
// no slower that way (BenchmarkMatMulPanelF16), but they gain little: 0.87 of the time of widening
// at 24 rows, 0.95 at 96.
const panelF16Rows = 24

func matMulPanelF16(c []float32, ldc int, a []float32, lda, m int, b []uint16, ldb, n, k int,
	accumulate bool, scratch, next []float32) {
	if !cpu.AVX2 || m > panelF16Rows {
		matMulPanelWidened(c, ldc, a, lda, m, b, ldb, n, k, accumulate, scratch, next)
		return
	}
	whole := n
	if !cpu.AVX512 {
		whole = n &^ 7
	}
	if whole > 0 {
		args := panelArgs{lda: uintptr(lda) * 4, ldb: uintptr(ldb) * 2, ldc: uintptr(ldc) * 4,
			k: uintptr(k), accumulate: flag(accumulate)}
		args.tiles(c, ldc, a, lda, m, unsafe.Pointer(&b[0]), whole, next, true)
	}
	if whole < n {
		matMulPanelWidened(c[whole:], ldc, a, lda, m, b[whole:], ldb, n-whole, k, accumulate,
			scratch, nil)
	}
}
