// Package cpu names the instruction sets that this library has kernels for and says which of them
// this processor and this build can run.
//
// The variables are read by the choices in internal/kernel on every call, and are written only by
// [Disable], which tests use to run one body under each implementation, and the benchmark before it
// loads a model. Nothing else may write them.
package cpu

// AVX512 reports AVX-512 F, DQ, BW and VL, with what [AVX2] asks for.
var AVX512 = hasAVX512

// AVX2 reports AVX2, FMA3 and F16C.
var AVX2 = hasAVX2

// AVX512VNNI reports AVX-512 VNNI (dot products of bytes), with what [AVX512] asks for.
var AVX512VNNI = hasAVX512VNNI

// AMX reports tiles of AMX for products of bytes and of bfloat16, that the system lets this process
// use them, and what [AVX512VNNI] asks for.
var AMX = hasAMX

// AVXVNNI reports AVX-VNNI, the same dot products for processors without AVX-512, with what [AVX2]
// asks for.
var AVXVNNI = hasAVXVNNI

// NEON reports the vectors of four floats that every arm64 processor has.
var NEON = hasNEON

// DotProd reports SDOT (dot products of bytes), with what [NEON] asks for.
var DotProd = hasDotProd

// I8MM reports USDOT and USMMLA (products of matrices of bytes), with what [DotProd] asks for.
var I8MM = hasI8MM

// Int8 reports whether products of bytes are faster than those of floats.
func Int8() bool { return AVX2 || NEON }

// features lists the switches, the widest instruction set first.
var features = [...]struct {
	name string
	on   *bool
}{
	{"amx", &AMX},
	{"avx512vnni", &AVX512VNNI},
	{"avx512", &AVX512},
	{"avxvnni", &AVXVNNI},
	{"avx2", &AVX2},
	{"i8mm", &I8MM},
	{"dotprod", &DotProd},
	{"neon", &NEON},
}

// Names returns the instruction sets in use, the widest first; it is empty where only Go code runs.
func Names() []string {
	var names []string
	for _, f := range features {
		if *f.on {
			names = append(names, f.name)
		}
	}
	return names
}

const unknownFeature = "cpu: no such instruction set"

// Disable switches one instruction set off until restore is called. It is for tests and the
// benchmark, which must not run kernels at the same time. Switching off what is off already has no
// effect.
//
// Panics if no instruction set has that name.
func Disable(name string) (restore func()) {
	for _, f := range features {
		if f.name == name {
			was := *f.on
			*f.on = false
			return func() { *f.on = was }
		}
	}
	panic(unknownFeature)
}
