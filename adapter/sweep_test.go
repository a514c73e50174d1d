//go:build !race && !noasm && !purego && amd64

package adapter_test

// sweepStep takes every grid.
const sweepStep = 1
