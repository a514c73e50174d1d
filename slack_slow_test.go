//go:build race || noasm || purego || !amd64

package qwenvl_test

// slack is what a busy machine, slow arithmetic and the race detector may add to a latency.
const slack = 30
