package kernel

// Weights and values in bytes: they stand for what they were made from, exactly.

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// signed and unsigned are the bytes that weights and values of 16 bits are kept in.
func signed(x []int16) []int8    { return unsafe.Slice((*int8)(unsafe.Pointer(&x[0])), 2*len(x)) }
func unsigned(x []int16) []uint8 { return unsafe.Slice((*uint8)(unsafe.Pointer(&x[0])), 2*len(x)) }

// orderedWeights returns m rows of weights as [MatMulValues] reads them.
func orderedWeights(p []int16, ldp, m, depth int) []int16 {
	if !valuesInBytes() {
		return p
	}
	out := make([]int16, len(p))
	for r := range m {
		splitWeightsGo(unsigned(out[r*ldp:][:depth]), p[r*ldp:][:depth])
	}
	return out
}

// weightsOf returns the weights of a row that [SoftmaxInt16] wrote.
func weightsOf(row []int16) []int16 {
	if !valuesInBytes() {
		return row
	}
	out, bytes := make([]int16, len(row)), unsigned(row)
	for i := range out {
		at := i/byteKeys*2*byteKeys + i%byteKeys
		out[i/byteKeys*byteKeys+byteKey(i%byteKeys)] = int16(bytes[at])*byteRadix +
			int16(bytes[at+byteKeys])
	}
	return out
}

// orderedValues returns panels of values as [MatMulValues] reads them.
func orderedValues(panels []int16, depth int) []int16 {
	if !valuesInBytes() {
		return panels
	}
	out := make([]int16, len(panels))
	for at := 0; at < len(panels); at += 16 * depth {
		splitValuesGo(signed(out[at:][:16*depth]), panels[at:][:16*depth])
	}
	return out
}

// valuesOf returns what [PackValues] wrote as [keys/2][16][2].
func valuesOf(panels []int16, depth int) []int16 {
	if !valuesInBytes() || len(panels) == 0 {
		return panels
	}
	out, bytes := make([]int16, len(panels)), signed(panels)
	for i := range out {
		block, in := i/(16*depth)*16*depth, i%(16*depth)
		key, c := in/32*2+in%2, in/2%16
		for place := range byteKeys {
			if byteKey(place) == key%byteKeys {
				at := 2*block + key/byteKeys*32*byteKeys + place/4*64 + 4*c + place%4
				out[i] = int16(bytes[at])*byteRadix + int16(bytes[at+16*byteKeys])
			}
		}
	}
	return out
}

// Every weight and value is what its two bytes say, and those are in their ranges.
func TestSplitIsExact(t *testing.T) {
	const depth = 2048
	values, weights := make([]int16, 16*depth), make([]int16, 4096)
	for i := range values {
		values[i] = int16(i%(2*valueTop+1) - valueTop)
	}
	for i := range weights {
		weights[i] = int16(i)
	}
	out := make([]int8, 2*len(values))
	splitValuesGo(out, values)
	seen := map[int]int{}
	for at, v := range out {
		if at/(16*byteKeys)%2 == 0 {
			lower := out[at+16*byteKeys]
			require.True(t, lower >= -32 && lower < 32)
			seen[int(v)*byteRadix+int(lower)]++
		}
	}
	require.Len(t, seen, 2*valueTop+1)
	bytes := make([]uint8, 2*len(weights))
	splitWeightsGo(bytes, weights)
	for i := range weights {
		at := i/byteKeys*2*byteKeys + i%byteKeys
		require.Less(t, bytes[at], uint8(byteRadix))
		require.Less(t, bytes[at+byteKeys], uint8(byteRadix))
		require.Equal(t, i/byteKeys*byteKeys+byteKey(i%byteKeys),
			int(bytes[at])*byteRadix+int(bytes[at+byteKeys]))
	}
}
