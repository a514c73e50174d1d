package tensor

// A format that has nothing but a decoder: right wherever a matrix may stand.

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/half"
	"github.com/qwenvl/qwenvl/internal/kernel"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// addFormat appends a row to the table for the length of a test.
func addFormat(t testing.TB, row formatInfo) Format {
	before := formats
	formats = append(before[:len(before):len(before)], row)
	t.Cleanup(func() { formats = before })
	return Format(len(before))
}

// blocksOf32 is the row of a format that can only be decoded: blocks of a scale in half precision
// and 32 integers of 8 bits.
var blocksOf32 = formatInfo{name: "blocks", elements: 32, bytes: 34, decode: decodeBlocksOf32}

func decodeBlocksOf32(m *Matrix, dst []float32, row int) {
	data := m.rowsBytes(row, row+1)
	for i := range dst {
		block := data[i/32*34:]
		dst[i] = half.FromF16(binary.LittleEndian.Uint16(block)) * float32(int8(block[2+i%32]))
	}
}

// twins makes a random matrix of a format of blocks, at an odd address, and the one in float32 that
// has the same values and bias.
func twins(rng *rand.Rand, f Format, rows, cols int) [2]*Matrix {
	data := make([]byte, 1+rows*f.RowBytes(cols))[1:]
	for i := 0; i < len(data); i += 34 {
		binary.LittleEndian.PutUint16(data[i:], half.ToF16(float32(rng.Float64()/64)))
		for j := range 32 {
			data[i+2+j] = byte(rng.IntN(256))
		}
	}
	blocks := NewMatrix(f, rows, cols, data, random(rng, 1, rows).data)
	values := make([]float32, rows*cols)
	for r := range rows {
		blocks.DecodeRow(values[r*cols:(r+1)*cols], r)
	}
	return [2]*Matrix{blocks, NewMatrix(F32, rows, cols, bytesOf(values), blocks.bias)}
}

// Wherever a matrix may stand, one of a format that can only be decoded gives the bits of its
// values in float32, for 1 to 700 rows and any number of threads.
func TestFormatThatOnlyDecodes(t *testing.T) {
	const hidden, inner = 64, 96
	f, rng := addFormat(t, blocksOf32), rand.New(rand.NewPCG(9, 9))
	q, gate, up := twins(rng, f, inner, hidden), twins(rng, f, inner, hidden), twins(rng, f, inner, hidden)
	down := twins(rng, f, hidden, inner)
	head0, head1 := twins(rng, f, 40, 32), twins(rng, f, 40, 32)
	heads := [2][]*Matrix{{head0[0], head1[0]}, {head0[1], head1[1]}}
	norm := &Norm{Weight: random(rng, 1, hidden).data, Eps: 1e-6}
	other, _ := matrix(rng, BF16, inner, hidden, true)
	packer := NewExec(2)
	defer packer.Close()
	packedDown, _ := pack(t, packer, rng, Int8, hidden, inner, true)

	// Twin 0 is of blocks, twin 1 in float32.
	for name, place := range map[string]func(ex *Exec, x Tensor, twin int) Tensor{
		"linear": func(ex *Exec, x Tensor, twin int) Tensor {
			y := ex.Alloc(x.Rows, inner)
			ex.Linear(y, x.Input(), q[twin], GELU)
			ex.LinearAdd(y, x.Input(), up[twin])
			return y
		},
		"three": func(ex *Exec, x Tensor, twin int) Tensor {
			y := [3]Tensor{ex.Alloc(x.Rows, inner), ex.Alloc(x.Rows, inner), ex.Alloc(x.Rows, inner)}
			ex.LinearThree(y, x.Input(), [3]*Matrix{q[twin], other, up[twin]})
			ex.AddRows(y[0], y[1])
			ex.AddRows(y[0], y[2])
			return y[0]
		},
		"gated": func(ex *Exec, x Tensor, twin int) Tensor {
			y := ex.Alloc(x.Rows, inner)
			ex.GatedLinear(y, x.Input(), gate[twin], up[twin], SiLU)
			return y
		},
		"as the input of the next, of experts": func(ex *Exec, x Tensor, twin int) Tensor {
			sum := ex.Alloc(x.Rows, hidden)
			clear(sum.data)
			for _, next := range []*Matrix{down[twin], packedDown} {
				for _, in := range []Input{
					ex.LinearInput(ex.Input(x, q[twin]), q[twin], GELU, next),
					ex.GatedInput(ex.Input(x, gate[twin]), gate[twin], up[twin], SiLU, next),
					ex.GatedInput(x.Input(), gate[twin], other, SiLU, next),
					ex.GatedInput(x.Input(), other, up[twin], GELUTanh, next),
				} {
					ex.LinearAdd(sum, in, next)
				}
			}
			return sum
		},
		"heads": func(ex *Exec, x Tensor, twin int) Tensor {
			y := ex.Alloc(x.Rows, 85)
			clear(y.data)
			ex.LinearHeads(y, 1, 42, x, 0, 32, heads[twin])
			return y
		},
		"embedding and tied head": func(ex *Exec, x Tensor, twin int) Tensor {
			h, y := ex.Alloc(x.Rows, hidden), ex.Alloc(x.Rows, inner)
			for r := range x.Rows {
				q[twin].DecodeRow(h.Row(r), r%inner)
			}
			ex.Linear(y, ex.NormInput(h, norm, q[twin]), q[twin], Identity)
			return y
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := random(rng, 700, hidden)
			for _, threads := range []int{1, 3} {
				ex := NewExec(threads)
				defer ex.Close()
				want := place(ex, x, 1)
				check := func(n int) {
					mark := ex.Mark()
					testkit.SameBits(t, want.Slice(0, n).data, place(ex, x.Slice(0, n), 0).data)
					ex.Release(mark)
				}
				for n := 1; n < x.Rows; n += 1 + n/16 {
					check(n)
				}
				for _, n := range []int{kernel.MatMulManyRows - 1, kernel.MatMulManyRows, x.Rows} {
					check(n)
				}
				require.Zero(t, testing.AllocsPerRun(10, func() {
					mark := ex.Mark()
					place(ex, x.Slice(0, 1), 0)
					ex.Release(mark)
				}))
			}
		})
	}
}

// A format of blocks is packed as its values in float32 are.
func TestPackBlocks(t *testing.T) {
	f, rng := addFormat(t, blocksOf32), rand.New(rand.NewPCG(10, 10))
	ex := NewExec(2)
	defer ex.Close()
	source := twins(rng, f, 70, 96)
	for _, to := range []Format{Int8, Int4, BF16} {
		var got [2]*Matrix
		for i, m := range source {
			got[i] = NewPacked(to, m)
			require.NoError(t, ex.Pack(got[i], memory(got[i].Bytes()), nil))
		}
		require.Equal(t, got[1].data, got[0].data, "%v", to)
	}
}

// A row is a whole number of blocks.
func TestBlocks(t *testing.T) {
	f := addFormat(t, blocksOf32)
	require.Equal(t, "blocks", f.String())
	require.False(t, f.Packed())
	elements, bytes := f.Block()
	require.Equal(t, [2]int{32, 34}, [2]int{elements, bytes})
	require.Equal(t, 1, f.Align())
	require.Equal(t, 102, f.RowBytes(96))
	require.PanicsWithValue(t, badShape, func() { f.RowBytes(95) })
	require.PanicsWithValue(t, badFormat, func() { Int8.Block() })
	require.PanicsWithValue(t, badData, func() { NewMatrix(f, 2, 32, make([]byte, 67), nil) })
	require.PanicsWithValue(t, badFormat, func() { NewPacked(f, NewMatrix(f, 1, 32, make([]byte, 34), nil)) })
	for _, f := range []Format{F32, BF16, F16} {
		elements, bytes := f.Block()
		require.Equal(t, 1, elements)
		require.Equal(t, bytes, f.Align())
	}
}
