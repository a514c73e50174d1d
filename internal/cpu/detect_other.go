//go:build !amd64 || !gc || noasm || purego

package cpu

const hasAVX2, hasAVX512 = false, false
