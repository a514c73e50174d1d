// Command gen writes the assembly of package kernel. Run it in this folder with "go run .".
//
// Each file of this program writes the kernels of one kind for every instruction set of amd64, or
// (neon_….go) of arm64. emit.go has what the former share: vector registers by number, constants,
// loops over whole vectors with a masked tail. neon.go is its counterpart, which also encodes
// vector instructions, because Go's assembler knows few of them.
package main

import (
	"log"
	"os"
)

func main() {
	for _, v := range []isa{avx512, avx2} {
		for _, out := range []struct {
			name string
			emit func(*file)
		}{
			{"matmul", matMul},
			{"panel", panel},
			{"vector", vector},
			{"activation", activation},
			{"norm", norm},
			{"convert", convert},
			{"softmax", func(f *file) { softmaxInt16(f); ranges(f) }},
		} {
			f := newFile(v)
			out.emit(f)
			write("../"+out.name+"_"+v.lower+"_amd64.s", f.source())
		}
	}
	f := newFile(avx2)
	transpose(f)
	write("../transpose_avx2_amd64.s", f.source())
	f = newFile(avx2)
	quantize(f)
	quantizeInt4(f)
	quantizeHead(f)
	packValues(f)
	write("../quantize_avx2_amd64.s", f.source())
	f = newFile(avx2)
	outlier(f)
	write("../outlier_avx2_amd64.s", f.source())
	for _, out := range []struct {
		isa
		kernels []quantKernel
		values  []valueKernel
	}{
		{avx512VNNI, []quantKernel{int8AVX512VNNI(), int4AVX512VNNI()}, []valueKernel{valueAVX512VNNI(12, 2), valueAVX512VNNI(8, 3)}},
		{avxVNNI, []quantKernel{int8AVXVNNI()}, []valueKernel{valueAVXVNNI()}},
		{avx2, []quantKernel{int8AVX2(), int4AVX2()}, []valueKernel{valueAVX2()}},
	} {
		f := newFile(out.isa)
		for _, k := range out.kernels {
			f.quant(k)
		}
		for _, k := range out.values {
			f.valueTile(k)
		}
		if out.name != avxVNNI.name { // its unpacking is that of AVX2
			unpackInt4(f)
		}
		write("../quant_"+out.lower+"_amd64.s", f.source())
	}
	f = newFile(amx)
	int8AMX(f)
	write("../quant_"+amx.lower+"_amd64.s", f.source())
	f = newFile(amx)
	values(f)
	splitValues(f)
	softmaxInt16(f)
	write("../values_"+amx.lower+"_amd64.s", f.source())
	f = newFile(amx)
	bf16x3(f)
	write("../bf16x3_"+amx.lower+"_amd64.s", f.source())
	neon()
}

// neon writes the assembly of arm64.
func neon() {
	for _, out := range []struct {
		name string
		emit func(*neonFile)
	}{
		{"matmul", func(f *neonFile) {
			for _, format := range []string{"F32", "BF16", "F16"} {
				f.neonDot(format)
			}
		}},
		{"panel", neonPanel},
		{"transpose", neonTranspose},
		{"vector", neonVector},
		{"activation", neonActivation},
		{"norm", neonNorm},
		{"convert", neonConvert},
		{"quantize", func(f *neonFile) {
			neonQuantize(f)
			neonQuantizeInt4(f)
		}},
	} {
		f := newNEONFile(neonISA)
		out.emit(f)
		write("../"+out.name+"_neon_arm64.s", f.source())
	}
	for _, out := range neonQuants() {
		f := newNEONFile(out.isa)
		f.quant(out.neonQuant)
		if out.name == neonISA.name { // the others unpack likewise
			neonUnpackInt4(f)
		}
		write("../quant_"+out.lower+"_arm64.s", f.source())
	}
}

func write(path string, data []byte) {
	if err := os.WriteFile(path, data, 0o666); err != nil {
		log.Fatal(err)
	}
}
