package weights

// Memory of our own, for what cannot be used where it lies in a mapped file: files that are read
// (file.go), and matrices that are copied (join.go, transpose.go) or whose address is odd. Packed
// weights have theirs from internal/pages, see pack.go.

import "unsafe"

// bufferAlign is the alignment of buffers made here: a cache line, and the widest vector register.
const bufferAlign = 64

// newBuffer returns n zero bytes whose address is a multiple of bufferAlign.
func newBuffer(n int) []byte {
	if n == 0 {
		return nil
	}
	b := make([]byte, n+bufferAlign-1)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) % bufferAlign)
	return b[skip : skip+n : skip+n]
}

// floatBytes returns the memory of v.
func floatBytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// aligned returns b itself when its address is a multiple of align, else a copy in a new buffer.
func aligned(b []byte, align int) []byte {
	if len(b) == 0 || uintptr(unsafe.Pointer(&b[0]))%uintptr(align) == 0 {
		return b
	}
	c := newBuffer(len(b))
	copy(c, b)
	return c
}
