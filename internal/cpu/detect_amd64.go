//go:build gc && !noasm && !purego

package cpu

// Detection on amd64. Each set asks for what its kernels share with those below it.

import sys "golang.org/x/sys/cpu"

var (
	hasAVX2   = sys.X86.HasAVX2 && sys.X86.HasFMA && sys.X86.HasF16C
	hasAVX512 = hasAVX2 && sys.X86.HasAVX512F && sys.X86.HasAVX512DQ && sys.X86.HasAVX512BW && sys.X86.HasAVX512VL

	hasAVX512VNNI = hasAVX512 && sys.X86.HasAVX512VNNI
	hasAVXVNNI    = hasAVX2 && sys.X86.HasAVXVNNI
	hasAMX        = hasAVX512VNNI && sys.X86.HasAMXTile && sys.X86.HasAMXInt8 && sys.X86.HasAMXBF16 && permitAMX()
)

const hasNEON, hasDotProd, hasI8MM = false, false, false
