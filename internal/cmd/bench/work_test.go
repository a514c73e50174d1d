package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a weight takes is what docs/performance.md says: the shares of the bandwidth come from it.
func TestBytesOf(t *testing.T) {
	for format, bits := range map[string]float64{"f32": 32, "bf16": 16, "f16": 16, "int8": 8.125, "int4": 4.1875} {
		require.Equal(t, bits/8, bytesOf(format), format)
	}
}
