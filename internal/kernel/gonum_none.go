//go:build !amd64 || noasm || gccgo || safe

package kernel

// Builds in which gonum has no assembly: the references multiply in loops of their own. The
// counterpart of gonum_sse.go.

const gonumTiles = false

// mulAdd returns s + a·b, which the compiler may fuse: all rows go through the one loop that calls
// it.
func mulAdd(s, a, b float32) float32 { return s + a*b }
