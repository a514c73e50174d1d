//go:build !amd64 || noasm || gccgo || safe

package kernel

// mulAdd returns s + a·b, which the compiler may fuse; it does so here exactly where it does in gonum's loops.
func mulAdd(s, a, b float32) float32 { return s + a*b }
