//go:build amd64 && !noasm && !gccgo && !safe

package kernel

// Builds in which gonum has assembly: the references multiply tiles with it. The counterpart of
// gonum_none.go.

// gonumTiles says that gonum multiplies tiles in assembly (the conditions above are its own), which
// is 1.8 times as fast as the loop in dot4 from goManyRows rows on. Without it, gonum's loops are
// half as fast as dot4.
const gonumTiles = true

// mulAdd returns s + a·b as gonum's assembly rounds it: the product first.
func mulAdd(s, a, b float32) float32 { return s + float32(a*b) }
