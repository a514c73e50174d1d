// Command gen writes the assembly of package kernel. Run it in this folder with "go run .".
//
// Each file of this program writes the kernels of one kind for every instruction set of amd64, or
// (neon_….go) of arm64. emit.go has what the former share: vector registers by number, constants,
// loops over whole vectors with a masked tail. neon.go is its counterpart, which also encodes
// vector instructions, because Go's assembler knows few of them. stubs.go declares it all in Go.
package main

import "slices"

func main() {
	amd64()
	arm64()
}

// amd64 writes the assembly of amd64.
func amd64() {
	s := stubs{arch: "amd64"}
	emit := func(name string, v isa, kernels ...func(*file)) {
		f := newFile(v)
		for _, write := range kernels {
			write(f)
		}
		s.assembly(name+"_"+v.lower, f)
	}
	for _, v := range []isa{avx512, avx2} {
		emit("matmul", v, matMul)
		emit("panel", v, panel)
		emit("vector", v, vector)
		emit("activation", v, activation)
		emit("norm", v, norm)
		emit("convert", v, convert)
		emit("softmax", v, softmaxInt16, ranges)
	}
	emit("transpose", avx2, transpose)
	emit("quantize", avx2, quantize, quantizeInt4, quantizeHead, packValues)
	emit("outlier", avx2, outlier)
	emit("quant", avx512VNNI, int8AVX512VNNI().emit, int4AVX512VNNI().emit,
		valueAVX512VNNI(12, 2).emit, valueAVX512VNNI(8, 3).emit, unpackInt4)
	emit("quant", avxVNNI, int8AVXVNNI().emit, valueAVXVNNI().emit) // its unpacking is that of AVX2
	emit("quant", avx2, int8AVX2().emit, int4AVX2().emit, valueAVX2().emit, unpackInt4)
	emit("quant", amx, int8AMX)
	emit("values", amx, values, splitValues, softmaxInt16)
	emit("bf16x3", amx, bf16x3)
	for _, v := range []isa{avx512, avx2} {
		s.tiles(v)
	}
	s.choose(byReference)
	s.write()
	s.references()
}

// arm64 writes the assembly of arm64.
func arm64() {
	s := stubs{arch: "arm64"}
	emit := func(name string, v isa, kernels ...func(*neonFile)) {
		f := newNEONFile(v)
		for _, write := range kernels {
			write(f)
		}
		s.assembly(name+"_"+v.lower, f)
	}
	emit("matmul", neonISA, func(f *neonFile) {
		for _, format := range weightFormats {
			f.neonDot(format)
		}
	})
	emit("panel", neonISA, neonPanel)
	emit("transpose", neonISA, neonTranspose)
	emit("vector", neonISA, neonVector)
	emit("activation", neonISA, neonActivation)
	emit("norm", neonISA, neonNorm)
	emit("convert", neonISA, neonConvert)
	emit("quantize", neonISA, neonQuantize, neonQuantizeInt4)
	for _, out := range neonQuants() {
		kernels := []func(*neonFile){func(f *neonFile) { f.quant(out.neonQuant) }}
		if out.name == neonISA.name { // the others unpack likewise
			kernels = append(kernels, neonUnpackInt4)
		}
		emit("quant", out.isa, kernels...)
	}
	s.choose(slices.Concat(byReference, wholeVectors))
	s.write()
}
