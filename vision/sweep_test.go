//go:build !race && !noasm && !purego && amd64

package vision_test

// slow says that arithmetic takes many times as long as usual.
const slow = false
