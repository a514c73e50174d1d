//go:build !race && !noasm && !purego && amd64

package conformance_test

// tolerance is what a busy machine may add to a latency.
const tolerance = 3
