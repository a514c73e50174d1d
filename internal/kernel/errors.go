package kernel

// What misuse panics with, and the checks of shapes that every exported function begins with.

// Misuse panics with one of these constants at entry, before any work.
const (
	badSize    = "kernel: negative size"
	badStride  = "kernel: stride shorter than a row"
	badLength  = "kernel: slice shorter than its shape"
	badScratch = "kernel: scratch shorter than MatMulScratch"
	badBlocked = "kernel: no such rows or tiles in blocks"
	badPair    = "kernel: slices of different lengths"
	badPanel   = "kernel: no such panel or row"
	badKeys    = "kernel: more keys than GroupKeys"
)

// checkMatrix panics unless rows rows of cols elements, ld apart, fit into length elements.
func checkMatrix(length, ld, rows, cols int) {
	if rows < 0 || cols < 0 {
		panic(badSize)
	}
	if rows == 0 || cols == 0 {
		return
	}
	if rows > 1 && ld < cols {
		panic(badStride)
	}
	if length < cols || rows > 1 && (length-cols)/(rows-1) < ld {
		panic(badLength)
	}
}

// checkPair panics unless both lengths agree.
func checkPair(a, b int) {
	if a != b {
		panic(badPair)
	}
}
