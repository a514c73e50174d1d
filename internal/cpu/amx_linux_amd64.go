//go:build gc && !noasm && !purego

package cpu

// Permission for AMX on Linux. amx_other_amd64.go is every other system.

import "golang.org/x/sys/unix"

// permitAMX asks the kernel for the tile registers, which a process must do before it may use them:
// Linux saves their 8 KB only for those that did. Each thread of the process gets them.
// Source: Documentation/arch/x86/xstate.rst of Linux.
func permitAMX() bool {
	const (
		archReqXcompPerm = 0x1023
		xfeatureTileData = 18
	)
	_, _, failed := unix.RawSyscall(unix.SYS_ARCH_PRCTL, archReqXcompPerm, xfeatureTileData, 0)
	return failed == 0
}
