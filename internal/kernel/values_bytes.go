package kernel

// Weights and values of attention in bytes, for instruction sets that multiply only those quickly:
// a weight is 64·upper + lower with both from 0 to 63, a value the same with lower from -32 to 31,
// and a product the sum of four products of bytes, which is exact. values_amx_amd64.go multiplies
// them.

const (
	byteShift = 6
	byteRadix = 1 << byteShift

	// byteKeys is how many keys lie side by side. Both sides have them in the same order, that of
	// byteKey.
	byteKeys = 64
)

// byteKey returns which of 64 keys lies in place i.
func byteKey(i int) int { return i/4%4*16 + i/16*4 + i%4 }

// splitWeightsGo is the order of weights in bytes: of each 64, all upper ones and then all lower
// ones.
func splitWeightsGo(dst []uint8, weights []int16) {
	for k := 0; k < len(weights); k += byteKeys {
		for i := range byteKeys {
			w := weights[k+byteKey(i)]
			dst[2*k+i], dst[2*k+byteKeys+i] = uint8(w>>byteShift), uint8(w&(byteRadix-1))
		}
	}
}

// splitValuesGo is the order of 16 columns of values in bytes, out of [keys/2][16][2]: for each 64
// keys all upper ones and then all lower ones, and in both [keys/4][16][4].
func splitValuesGo(dst []int8, values []int16) {
	const tile = byteKeys * 16
	for k := 0; k < len(values)/16; k += byteKeys {
		for i := range byteKeys {
			key := k + byteKey(i)
			for c := range 16 {
				v := values[key/2*32+2*c+key%2]
				upper, at := (v+byteRadix/2)>>byteShift, k*32+i/4*64+4*c+i%4
				dst[at], dst[at+tile] = int8(upper), int8(v-upper<<byteShift)
			}
		}
	}
}
