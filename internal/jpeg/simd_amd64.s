//go:build gc && !noasm && !purego

#include "textflag.h"

// The inner loops of simd_amd64.go by AVX2. What they compute is said beside the Go functions that
// they stand for: idctNarrow, convertYCC, smoothH2 and smoothH2V2.

// Pairs of constants for VPMADDWD, by what they make.
DATA even2<>+0(SB)/8, $0xd6301151d6301151
DATA even2<>+8(SB)/8, $0xd6301151d6301151
DATA even2<>+16(SB)/8, $0xd6301151d6301151
DATA even2<>+24(SB)/8, $0xd6301151d6301151
GLOBL even2<>(SB), RODATA|NOPTR, $32
DATA even3<>+0(SB)/8, $0x115129cf115129cf
DATA even3<>+8(SB)/8, $0x115129cf115129cf
DATA even3<>+16(SB)/8, $0x115129cf115129cf
DATA even3<>+24(SB)/8, $0x115129cf115129cf
GLOBL even3<>(SB), RODATA|NOPTR, $32
DATA sum3<>+0(SB)/8, $0x25a1e6dc25a1e6dc
DATA sum3<>+8(SB)/8, $0x25a1e6dc25a1e6dc
DATA sum3<>+16(SB)/8, $0x25a1e6dc25a1e6dc
DATA sum3<>+24(SB)/8, $0x25a1e6dc25a1e6dc
GLOBL sum3<>(SB), RODATA|NOPTR, $32
DATA sum4<>+0(SB)/8, $0x192525a1192525a1
DATA sum4<>+8(SB)/8, $0x192525a1192525a1
DATA sum4<>+16(SB)/8, $0x192525a1192525a1
DATA sum4<>+24(SB)/8, $0x192525a1192525a1
GLOBL sum4<>(SB), RODATA|NOPTR, $32
DATA odd3<>+0(SB)/8, $0x133ee333133ee333
DATA odd3<>+8(SB)/8, $0x133ee333133ee333
DATA odd3<>+16(SB)/8, $0x133ee333133ee333
DATA odd3<>+24(SB)/8, $0x133ee333133ee333
GLOBL odd3<>(SB), RODATA|NOPTR, $32
DATA odd0<>+0(SB)/8, $0xe333ecc1e333ecc1
DATA odd0<>+8(SB)/8, $0xe333ecc1e333ecc1
DATA odd0<>+16(SB)/8, $0xe333ecc1e333ecc1
DATA odd0<>+24(SB)/8, $0xe333ecc1e333ecc1
GLOBL odd0<>(SB), RODATA|NOPTR, $32
DATA odd2<>+0(SB)/8, $0x1051adfd1051adfd
DATA odd2<>+8(SB)/8, $0x1051adfd1051adfd
DATA odd2<>+16(SB)/8, $0x1051adfd1051adfd
DATA odd2<>+24(SB)/8, $0x1051adfd1051adfd
GLOBL odd2<>(SB), RODATA|NOPTR, $32
DATA odd1<>+0(SB)/8, $0xadfdefb0adfdefb0
DATA odd1<>+8(SB)/8, $0xadfdefb0adfdefb0
DATA odd1<>+16(SB)/8, $0xadfdefb0adfdefb0
DATA odd1<>+24(SB)/8, $0xadfdefb0adfdefb0
GLOBL odd1<>(SB), RODATA|NOPTR, $32

// Rounding of the passes.
DATA round1<>+0(SB)/8, $0x0000040000000400
DATA round1<>+8(SB)/8, $0x0000040000000400
DATA round1<>+16(SB)/8, $0x0000040000000400
DATA round1<>+24(SB)/8, $0x0000040000000400
GLOBL round1<>(SB), RODATA|NOPTR, $32
DATA round2<>+0(SB)/8, $0x0002000000020000
DATA round2<>+8(SB)/8, $0x0002000000020000
DATA round2<>+16(SB)/8, $0x0002000000020000
DATA round2<>+24(SB)/8, $0x0002000000020000
GLOBL round2<>(SB), RODATA|NOPTR, $32

// Two rows of four words to four columns of two.
DATA weave<>+0(SB)/8, $0x0b0a030209080100
DATA weave<>+8(SB)/8, $0x0f0e07060d0c0504
DATA weave<>+16(SB)/8, $0x0b0a030209080100
DATA weave<>+24(SB)/8, $0x0f0e07060d0c0504
GLOBL weave<>(SB), RODATA|NOPTR, $32
DATA center<>+0(SB)/8, $0x8080808080808080
DATA center<>+8(SB)/8, $0x8080808080808080
DATA center<>+16(SB)/8, $0x8080808080808080
DATA center<>+24(SB)/8, $0x8080808080808080
GLOBL center<>(SB), RODATA|NOPTR, $32

// PASS transforms the columns of rows X0..X7 and leaves them transposed, row c and c+4 in Y(c).
#define PASS(round, shift) \
	VPUNPCKLWD X6, X2, X8           \
	VPUNPCKHWD X6, X2, X9           \
	VINSERTI128 $1, X9, Y8, Y8      \
	VPMADDWD even2<>(SB), Y8, Y9    \
	VPMADDWD even3<>(SB), Y8, Y8    \
	VPADDW X4, X0, X10              \
	VPSUBW X4, X0, X11              \
	VPMOVSXWD X10, Y10              \
	VPMOVSXWD X11, Y11              \
	VPSLLD $13, Y10, Y10            \
	VPSLLD $13, Y11, Y11            \
	VPADDD round, Y10, Y10          \
	VPADDD round, Y11, Y11          \
	VPADDD Y8, Y10, Y12             \
	VPSUBD Y8, Y10, Y10             \
	VPADDD Y9, Y11, Y13             \
	VPSUBD Y9, Y11, Y11             \
	VPADDW X3, X7, X14              \
	VPADDW X1, X5, X15              \
	VPUNPCKLWD X15, X14, X8         \
	VPUNPCKHWD X15, X14, X9         \
	VINSERTI128 $1, X9, Y8, Y8      \
	VPMADDWD sum3<>(SB), Y8, Y14    \
	VPMADDWD sum4<>(SB), Y8, Y15    \
	VPUNPCKLWD X1, X7, X8           \
	VPUNPCKHWD X1, X7, X9           \
	VINSERTI128 $1, X9, Y8, Y8      \
	VPMADDWD odd3<>(SB), Y8, Y0     \
	VPMADDWD odd0<>(SB), Y8, Y2     \
	VPADDD Y15, Y0, Y0              \
	VPADDD Y14, Y2, Y2              \
	VPUNPCKLWD X3, X5, X8           \
	VPUNPCKHWD X3, X5, X9           \
	VINSERTI128 $1, X9, Y8, Y8      \
	VPMADDWD odd2<>(SB), Y8, Y4     \
	VPMADDWD odd1<>(SB), Y8, Y6     \
	VPADDD Y14, Y4, Y4              \
	VPADDD Y15, Y6, Y6              \
	VPADDD Y0, Y12, Y1              \
	VPSUBD Y0, Y12, Y12             \
	VPADDD Y4, Y13, Y3              \
	VPSUBD Y4, Y13, Y13             \
	VPADDD Y6, Y11, Y5              \
	VPSUBD Y6, Y11, Y11             \
	VPADDD Y2, Y10, Y7              \
	VPSUBD Y2, Y10, Y10             \
	VPSRAD $shift, Y1, Y1           \
	VPSRAD $shift, Y3, Y3           \
	VPSRAD $shift, Y5, Y5           \
	VPSRAD $shift, Y7, Y7           \
	VPSRAD $shift, Y10, Y10         \
	VPSRAD $shift, Y11, Y11         \
	VPSRAD $shift, Y12, Y12         \
	VPSRAD $shift, Y13, Y13         \
	VPACKSSDW Y3, Y1, Y1            \
	VPACKSSDW Y7, Y5, Y5            \
	VPACKSSDW Y11, Y10, Y10         \
	VPACKSSDW Y12, Y13, Y13         \
	VMOVDQU weave<>(SB), Y15        \
	VPSHUFB Y15, Y1, Y1             \
	VPSHUFB Y15, Y5, Y5             \
	VPSHUFB Y15, Y10, Y10           \
	VPSHUFB Y15, Y13, Y13           \
	VPUNPCKLDQ Y5, Y1, Y4           \
	VPUNPCKHDQ Y5, Y1, Y6           \
	VPUNPCKLDQ Y13, Y10, Y8         \
	VPUNPCKHDQ Y13, Y10, Y9         \
	VPUNPCKLQDQ Y8, Y4, Y0          \
	VPUNPCKHQDQ Y8, Y4, Y1          \
	VPUNPCKLQDQ Y9, Y6, Y2          \
	VPUNPCKHQDQ Y9, Y6, Y3

// func idctAVX2(dst *uint8, stride int, coefs, quant *[64]int16)
TEXT ·idctAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ stride+8(FP), DX
	MOVQ coefs+16(FP), SI
	MOVQ quant+24(FP), BX
	VMOVDQU 0(SI), X0
	VMOVDQU 16(SI), X1
	VMOVDQU 32(SI), X2
	VMOVDQU 48(SI), X3
	VMOVDQU 64(SI), X4
	VMOVDQU 80(SI), X5
	VMOVDQU 96(SI), X6
	VMOVDQU 112(SI), X7
	VPOR X2, X1, X8
	VPOR X4, X3, X9
	VPOR X6, X5, X10
	VPOR X7, X8, X8
	VPOR X9, X8, X8
	VPOR X10, X8, X8
	VPMULLW 0(BX), X0, X0
	VPTEST X8, X8
	JZ onerow
	VPMULLW 16(BX), X1, X1
	VPMULLW 32(BX), X2, X2
	VPMULLW 48(BX), X3, X3
	VPMULLW 64(BX), X4, X4
	VPMULLW 80(BX), X5, X5
	VPMULLW 96(BX), X6, X6
	VPMULLW 112(BX), X7, X7
	PASS(round1<>(SB), 11)
	VEXTRACTI128 $1, Y0, X4
	VEXTRACTI128 $1, Y1, X5
	VEXTRACTI128 $1, Y2, X6
	VEXTRACTI128 $1, Y3, X7

rows:
	PASS(round2<>(SB), 18)
	VPACKSSWB Y1, Y0, Y0 // rows 0 and 1, 4 and 5
	VPACKSSWB Y3, Y2, Y2 // 2 and 3, 6 and 7
	VPADDB center<>(SB), Y0, Y0
	VPADDB center<>(SB), Y2, Y2
	VEXTRACTI128 $1, Y0, X1
	VEXTRACTI128 $1, Y2, X3
	LEAQ (DX)(DX*2), CX
	VMOVQ X0, (DI)
	VMOVHPS X0, (DI)(DX*1)
	VMOVQ X2, (DI)(DX*2)
	VMOVHPS X2, (DI)(CX*1)
	LEAQ (DI)(DX*4), DI
	VMOVQ X1, (DI)
	VMOVHPS X1, (DI)(DX*1)
	VMOVQ X3, (DI)(DX*2)
	VMOVHPS X3, (DI)(CX*1)
	VZEROUPPER
	RET

onerow: // every row of the first pass is the same
	VPSLLW $2, X0, X8
	VPBROADCASTW X8, X0
	VPSRLDQ $2, X8, X1
	VPBROADCASTW X1, X1
	VPSRLDQ $4, X8, X2
	VPBROADCASTW X2, X2
	VPSRLDQ $6, X8, X3
	VPBROADCASTW X3, X3
	VPSRLDQ $8, X8, X4
	VPBROADCASTW X4, X4
	VPSRLDQ $10, X8, X5
	VPBROADCASTW X5, X5
	VPSRLDQ $12, X8, X6
	VPBROADCASTW X6, X6
	VPSRLDQ $14, X8, X7
	VPBROADCASTW X7, X7
	JMP rows

// Four of each of R, G, B to four pixels.
DATA pixels<>+0(SB)/8, $0x0602090501080400
DATA pixels<>+8(SB)/8, $0x808080800b07030a
DATA pixels<>+16(SB)/8, $0x0602090501080400
DATA pixels<>+24(SB)/8, $0x808080800b07030a
GLOBL pixels<>(SB), RODATA|NOPTR, $32

// func yccAVX2(dst, y, cb, cr *uint8, n int)
TEXT ·yccAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ y+8(FP), SI
	MOVQ cb+16(FP), BX
	MOVQ cr+24(FP), DX
	MOVQ n+32(FP), CX
	SHRQ $3, CX
	JZ done
	MOVL $128, AX
	VMOVD AX, X8
	VPBROADCASTD X8, Y8
	MOVL $32768, AX
	VMOVD AX, X9
	VPBROADCASTD X9, Y9
	MOVL $91881, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	MOVL $116130, AX
	VMOVD AX, X11
	VPBROADCASTD X11, Y11
	MOVL $-22554, AX
	VMOVD AX, X12
	VPBROADCASTD X12, Y12
	MOVL $-46802, AX
	VMOVD AX, X13
	VPBROADCASTD X13, Y13
	VMOVDQU pixels<>(SB), Y14

loop:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD (BX), Y1
	VPMOVZXBD (DX), Y2
	VPSUBD Y8, Y1, Y1
	VPSUBD Y8, Y2, Y2
	VPMULLD Y10, Y2, Y3 // red
	VPMULLD Y12, Y1, Y4 // green
	VPMULLD Y13, Y2, Y5
	VPMULLD Y11, Y1, Y6 // blue
	VPADDD Y5, Y4, Y4
	VPADDD Y9, Y3, Y3
	VPADDD Y9, Y4, Y4
	VPADDD Y9, Y6, Y6
	VPSRAD $16, Y3, Y3
	VPSRAD $16, Y4, Y4
	VPSRAD $16, Y6, Y6
	VPADDD Y0, Y3, Y3
	VPADDD Y0, Y4, Y4
	VPADDD Y0, Y6, Y6
	VPACKSSDW Y4, Y3, Y3
	VPACKSSDW Y6, Y6, Y6
	VPACKUSWB Y6, Y3, Y3 // in each lane four of R, G, B
	VPSHUFB Y14, Y3, Y3
	VMOVDQU X3, (DI)
	VEXTRACTI128 $1, Y3, X4
	VMOVDQU X4, 12(DI)
	ADDQ $8, SI
	ADDQ $8, BX
	ADDQ $8, DX
	ADDQ $24, DI
	DECQ CX
	JNZ loop

done:
	VZEROUPPER
	RET

// SUM makes 3*near + far of 16 samples.
#define SUM(at, near, far, tmp) \
	VPMOVZXBW at(SI), near  \
	VPMOVZXBW at(BX), far   \
	VPADDW near, near, tmp  \
	VPADDW near, far, near  \
	VPADDW tmp, near, near

// func smoothH2V2AVX2(dst, near, far *uint8, n int)
TEXT ·smoothH2V2AVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ near+8(FP), SI
	MOVQ far+16(FP), BX
	MOVQ n+24(FP), CX
	SHRQ $4, CX
	JZ done
	VPCMPEQW Y14, Y14, Y14
	VPSRLW $15, Y14, Y15
	VPSLLW $3, Y15, Y15 // 8
	VPADDW Y14, Y15, Y14 // 7

loop:
	SUM(-1, Y0, Y1, Y2)
	SUM(0, Y3, Y4, Y5)
	SUM(1, Y6, Y7, Y8)
	VPADDW Y3, Y3, Y4
	VPADDW Y3, Y4, Y4
	VPADDW Y4, Y0, Y0
	VPADDW Y4, Y6, Y6
	VPADDW Y15, Y0, Y0
	VPADDW Y14, Y6, Y6
	VPSRLW $4, Y0, Y0
	VPSRLW $4, Y6, Y6
	VPSLLW $8, Y6, Y6
	VPOR Y6, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $16, BX
	ADDQ $32, DI
	DECQ CX
	JNZ loop

done:
	VZEROUPPER
	RET

// func smoothH2AVX2(dst, src *uint8, n int)
TEXT ·smoothH2AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SHRQ $4, CX
	JZ done
	VPCMPEQW Y15, Y15, Y15
	VPSRLW $15, Y15, Y15 // 1
	VPADDW Y15, Y15, Y14 // 2

loop:
	VPMOVZXBW -1(SI), Y0
	VPMOVZXBW (SI), Y3
	VPMOVZXBW 1(SI), Y6
	VPADDW Y3, Y3, Y4
	VPADDW Y3, Y4, Y4
	VPADDW Y4, Y0, Y0
	VPADDW Y4, Y6, Y6
	VPADDW Y15, Y0, Y0
	VPADDW Y14, Y6, Y6
	VPSRLW $2, Y0, Y0
	VPSRLW $2, Y6, Y6
	VPSLLW $8, Y6, Y6
	VPOR Y6, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	DECQ CX
	JNZ loop

done:
	VZEROUPPER
	RET
