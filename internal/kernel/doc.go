// Package kernel holds the compute kernels: matrix products over weights in the checkpoint's own
// format and over weights packed to 8 or 4 bits, the panel product that attention is made of and
// its counterparts in integers, and the functions that run along a row (softmax, activations,
// norms, rotary embedding, conversion, quantization).
//
// Every kernel has a reference in Go, which is also what runs without assembly, and versions in
// assembly for AVX-512 and AVX2 (the packed products: AMX, AVX-512 VNNI, AVX-VNNI and AVX2;
// products with weights in bfloat16: also AMX) and for NEON (the packed products: also SDOT and
// I8MM; attention in integers, outliers and the rounding to half precision run in Go there), chosen
// on each call by internal/cpu. The assembly is generated: see _gen. That of arm64 is tested under
// an emulator, where its speed cannot be measured: the shapes of its tiles follow from the
// registers, and its block sizes from those of amd64.
//
// # Determinism
//
// On one instruction set each output element of a product depends, bit for bit, only on its own row
// of x and its own row of w: not on how many rows either has, where in them the row lies, the tile
// that computed it, the strides, the alignment or what the scratch held. So one row at a time, a
// batch of rows, and any split of the work over rows give the same bits. The functions along a row
// depend only on that row. Different instruction sets sum in different orders and may differ in the
// last bits, except in packing, quantizing and the packed products, which give the same bits on
// all.
//
// # Files
//
// NAME.go declares what other packages call and has its reference. NAME_<set>_<arch>.s is its
// assembly, and stubs_<arch>.go declares that and chooses: among instruction sets, where all do the
// same as the reference, and among the sizes of tiles. _gen writes both. Where calling the assembly
// takes more than a choice, NAME_<arch>.go does it. noasm.go and the files NAME_noasm.go call the
// reference where there is no assembly. So a further instruction set is a variable of internal/cpu,
// its emitters in _gen and a case in the choices that are not generated; tests run every set that
// the processor has.
//
// # Conventions
//
// Matrices are row-major, ld… is the distance between rows in elements. Kernels run on the calling
// goroutine, allocate nothing, keep no state, and may run at the same time as long as nobody writes
// what another one uses. Impossible sizes panic with a constant from errors.go before any work.
package kernel
