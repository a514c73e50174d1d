//go:build !amd64 || !gc || noasm || purego

package jpeg

// The inner loops elsewhere than on amd64: all in Go.

func idctFast([]uint8, int, *block, *quantTable) bool { return false }

func yccFast(dst, luma, cb, cr []uint8) int { return 0 }

func smoothH2V2Fast(dst, near, far []uint8) int { return 0 }

func smoothH2Fast(dst, src []uint8) int { return 0 }
