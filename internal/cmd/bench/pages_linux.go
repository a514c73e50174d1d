package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// largePages asks for large pages behind x, so that the reading of memory is not that of page tables. Where the system has none, nothing changes.
func largePages(x []float32) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	page := unix.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(&bytes[0]))) & (page - 1)
	_ = unix.Madvise(bytes[skip:len(bytes)&^(page-1)], unix.MADV_HUGEPAGE)
}
