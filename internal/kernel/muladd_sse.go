//go:build amd64 && !noasm && !gccgo && !safe

package kernel

// mulAdd returns s + a·b as gonum's assembly rounds it: the product first. (The conditions above are gonum's.)
func mulAdd(s, a, b float32) float32 { return s + float32(a*b) }
