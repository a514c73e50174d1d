//go:build !linux && gc && !noasm && !purego

package cpu

// AMX elsewhere than on Linux, where it is not used.

// permitAMX reports false: how other systems grant the tile registers has not been tried.
func permitAMX() bool { return false }
