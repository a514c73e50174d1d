//go:build race || noasm || purego || !amd64

package vision_test

// Builds where arithmetic is slow, and the sweep of grids coarser for that. sweep_test.go is the
// others.

// slow says that arithmetic takes many times as long as usual.
const slow = true
