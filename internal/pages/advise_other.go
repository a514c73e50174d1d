//go:build !linux

package pages

// Systems other than Linux: no large pages, and available memory is not known.

import "github.com/edsrzf/mmap-go"

const access = mmap.RDWR

func adviseLarge([]byte) {}

// Forget drops the whole pages of b, part of a mapped file, from the process's memory where the
// system can be told so.
func Forget([]byte) {}

// Available returns how many bytes of memory can be had; 0: it is not known.
func Available() int64 { return 0 }
