//go:build gc && !noasm && !purego

package cpu

// Detection on arm64.

import sys "golang.org/x/sys/cpu"

const hasNEON = true // Go asks for it

var (
	hasDotProd = sys.ARM64.HasASIMDDP
	hasI8MM    = hasDotProd && sys.ARM64.HasI8MM
)

const hasAVX2, hasAVX512, hasAVX512VNNI, hasAVXVNNI, hasAMX = false, false, false, false, false
