//go:build race || noasm || purego || !amd64

package adapter_test

// sweepStep is coarse where arithmetic is slow.
const sweepStep = 7
