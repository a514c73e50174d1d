//go:build !amd64 || !gc || noasm || purego

package kernel

// These kernels read all rows as they are, so no Blocked is ever made.

func blockedLen(int, int, bool) int     { return 0 }
func blockedHeight(int, bool) int       { return 1 }
func blockedSharing(int, bool) int      { return 0 }
func blockedScratch(int, int, bool) int { return 0 }

func fillBlocked(Blocked, []float32, int, int, int) { panic(badBlocked) }

func matMulBlocked([]float32, int, Blocked, int, int, weights, int, []float32) { panic(badBlocked) }
