//go:build !(amd64 || arm64) || !gc || noasm || purego

package cpu

// Builds without assembly: no set is reported.

const (
	hasAVX2, hasAVX512, hasAVX512VNNI, hasAVXVNNI, hasAMX = false, false, false, false, false
	hasNEON, hasDotProd, hasI8MM                          = false, false, false
)
