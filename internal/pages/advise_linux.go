package pages

// Large pages, and dropping mapped pages, on Linux. advise_other.go is every other system.

import (
	"os"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// access is a private mapping: memory that could be shared gets no large pages.
const access = mmap.COPY

// adviseLarge asks for large pages. It is not an error that the system has none.
func adviseLarge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

// Forget drops the whole pages of b, part of a mapped file, from the process's memory; they are
// read again when they are used. Anything but a mapped file would lose its contents.
func Forget(b []byte) {
	page := os.Getpagesize()
	if len(b) < page {
		return
	}
	skip := int(-uintptr(unsafe.Pointer(&b[0])) % uintptr(page))
	if n := (len(b) - skip) / page * page; n > 0 {
		_ = unix.Madvise(b[skip:skip+n], unix.MADV_DONTNEED)
	}
}
