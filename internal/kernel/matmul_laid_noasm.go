//go:build !amd64 || !gc || noasm || purego

package kernel

// These kernels read all rows as they are, so no Laid is ever made.

func laidLen(int, int, bool) int     { return 0 }
func laidHeight(int, bool) int       { return 1 }
func laidBlock(int, bool) int        { return 0 }
func laidScratch(int, int, bool) int { return 0 }

func layRows(Laid, []float32, int, int, int) { panic(badLaid) }

func matMulLaid([]float32, int, Laid, int, int, weights, int, []float32) { panic(badLaid) }
