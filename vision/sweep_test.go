//go:build !race && !noasm && !purego && amd64

package vision_test

// How fine the sweep of grids is; sweep_slow_test.go is coarser, for builds where arithmetic is
// slow.

// slow says that arithmetic takes many times as long as usual.
const slow = false
