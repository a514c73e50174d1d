//go:build !linux && gc && !noasm && !purego

package cpu

// permitAMX reports false: how other systems grant the tile registers has not been tried.
func permitAMX() bool { return false }
