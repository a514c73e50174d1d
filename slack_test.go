//go:build !race && !noasm && !purego && amd64

package qwenvl_test

// slack is what a busy machine may add to a latency.
const slack = 3
