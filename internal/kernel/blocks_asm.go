//go:build (amd64 || arm64) && gc && !noasm && !purego

package kernel

// What the calls of assembly on both architectures share.

func flag(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}
