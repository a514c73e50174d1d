package weights

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/tensor"
)

// block8 is a stored type that only tests know: blocks of 8 half-precision elements in 16 bytes.
const block8 DType = "TEST_BLOCK8"

// withBlocks adds block8 to the table for a test.
func withBlocks(t testing.TB) {
	t.Helper()
	old := storedTypes
	storedTypes = append(old[:len(old):len(old)], stored{name: block8, elements: 8, bytes: 16, format: tensor.F16, bound: true})
	t.Cleanup(func() { storedTypes = old })
}

// halves is n half-precision values 1, 2, 3, …, n below 2048.
func halves(n int) []byte {
	m := make([]uint16, n)
	for i := range m {
		e := 0
		for ; (i+1)>>(e+1) > 0; e++ {
		}
		m[i] = uint16((e+15)<<10 | ((i+1)<<(10-e))&0x3ff)
	}
	return u16(m...)
}

// What the table says of a type's blocks is what tensors make of them.
func TestStoredTypesAgreeWithFormats(t *testing.T) {
	withBlocks(t)
	for i, s := range storedTypes {
		got, ok := Known(string(s.name))
		require.True(t, ok)
		require.Equal(t, s.name, got)
		require.Equal(t, s, s.name.row(), "row %d is hidden", i)
		if s.bound {
			require.Equal(t, s.bytes, uint64(s.format.RowBytes(int(s.elements))), s.name)
		}
	}
	_, ok := Known("f32")
	require.False(t, ok)
}

func TestBytesOfBlocks(t *testing.T) {
	withBlocks(t)
	for _, c := range []struct {
		dtype DType
		n     uint64
		bytes uint64
		ok    bool
	}{
		{F32, 3, 12, true}, {F32, 1 << 62, 0, false}, {F32, 1<<62 - 1, 1<<64 - 4, true},
		{"F4", 3, 0, false}, {"F4", 4, 2, true}, {"F6_E2M3", 6, 0, false}, {"F6_E3M2", 8, 6, true},
		{block8, 0, 0, true}, {block8, 8, 16, true}, {block8, 12, 0, false}, {block8, 1 << 63, 0, false},
		{"Q9", 8, 0, false},
	} {
		bytes, ok := c.dtype.Bytes(c.n)
		require.Equal(t, c.ok, ok, c)
		if ok {
			require.Equal(t, c.bytes, bytes, c)
		}
	}
}

// A block type binds, is cut and is transposed as any other.
func TestBlocksBind(t *testing.T) {
	withBlocks(t)
	const rows, cols = 6, 16
	src := source(t, 0,
		named{"w", block8, []int{rows, cols}, halves(rows * cols)},
		named{"v", block8, []int{cols}, halves(cols)},
	)
	ld := NewLoader(src, func(c string) Ref {
		switch c {
		case "top.weight":
			return Ref{Name: "w", Hi: 2}
		case "rest.weight": // columns that begin and end within blocks
			return Ref{Name: "w", Transpose: true, Lo: 2, Hi: rows, ColLo: 3, ColHi: 13}
		case "left.weight":
			return Ref{Name: "w", Transpose: true, Lo: 2, Hi: rows, ColHi: 3}
		case "right.weight":
			return Ref{Name: "w", Transpose: true, Lo: 2, Hi: rows, ColLo: 13, ColHi: cols}
		case "tail":
			return Ref{Name: "v", Lo: 8, Hi: 16}
		case "head":
			return Ref{Name: "v", Hi: 8}
		}
		return Ref{Name: c}
	})
	top := ld.Matrix("top", 2, cols)
	rest := ld.Matrix("rest", 10, rows-2)
	require.NotNil(t, ld.Matrix("left", 3, rows-2))
	require.Equal(t, []float32{9, 10, 11, 12, 13, 14, 15, 16}, ld.Vector("tail", 8))
	require.ErrorContains(t, ld.Finish(), `tensors that config.json has no place for (2): model.safetensors: "v", "w"`)
	require.NotNil(t, ld.Matrix("right", 3, rows-2))
	require.Len(t, ld.Vector("head", 8), 8)
	require.NoError(t, ld.Finish(), "every element is accounted for")

	require.Equal(t, tensor.F16, top.Format())
	require.Equal(t, tensor.F32, rest.Format(), "blocks do not lie along its rows")
	for r, row := range values(t, top) {
		for c, v := range row {
			require.Equal(t, float32(r*cols+c+1), v)
		}
	}
	for r, row := range values(t, rest) {
		for c, v := range row {
			require.Equal(t, float32((c+2)*cols+r+3+1), v)
		}
	}
}

// What would need a part of a block is refused by an error that names file and tensor.
func TestCutsWithinBlocksAreRefused(t *testing.T) {
	withBlocks(t)
	src := source(t, 0,
		named{"narrow", block8, []int{4, 12}, make([]byte, 96)},
		named{"v", block8, []int{16}, make([]byte, 32)},
	)
	for name, bind := range map[string]struct {
		ref  Ref
		bind func(ld *Loader) bool
	}{
		"rows": {Ref{Name: "narrow"}, func(ld *Loader) bool { return ld.Matrix("x", 4, 12) != nil }},
		"transposed": {Ref{Name: "narrow", Transpose: true, Lo: 1, Hi: 3},
			func(ld *Loader) bool { return ld.Matrix("x", 12, 2) != nil }},
		"begin": {Ref{Name: "v", Lo: 4, Hi: 16}, func(ld *Loader) bool { return ld.Vector("x", 12) != nil }},
		"end":   {Ref{Name: "v", Hi: 12}, func(ld *Loader) bool { return ld.Vector("x", 12) != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			ld := NewLoader(src, func(string) Ref { return bind.ref })
			require.False(t, bind.bind(ld))
			ld.Ignore("*")
			var ue *UnsupportedError
			require.ErrorAs(t, ld.Finish(), &ue)
			require.Equal(t, [2]string{singleFile, bind.ref.Name}, [2]string{ue.File, ue.Field})
			require.Contains(t, ue.Feature, "cut within a block: at ")
			require.Contains(t, ue.Feature, "8 elements in a block of TEST_BLOCK8")
		})
	}
}

// Every value of every block is looked at, and the element named.
func TestBlocksAreCheckedFinite(t *testing.T) {
	withBlocks(t)
	const n = 1 << 16
	for _, at := range []int{0, 7, 8, 1<<15 - 1, 1 << 15, n - 1} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			data := make([]byte, 2*n)
			copy(data[2*at:], u16(0xfc00))
			src := source(t, 3, named{"w", block8, []int{n}, data})
			want := ValueError{File: singleFile, Tensor: "w", Index: at, Value: math.Inf(-1)}
			var ve *ValueError
			require.ErrorAs(t, src.CheckFinite(), &ve)
			require.Equal(t, want, *ve)
			ld := NewLoader(src, func(string) Ref { return Ref{Name: "w", Lo: at / 8 * 8, Hi: at/8*8 + 8} })
			require.Nil(t, ld.Vector("x", 8))
			require.ErrorAs(t, ld.Finish(), &ve)
			require.Equal(t, want, *ve)
		})
	}
}

// Blocks of 32 elements in 34 bytes, as quantized files have them, are cut, joined and accounted for by
// their bytes alone.
func TestQuantizedBlocksKeepTheirBytes(t *testing.T) {
	const q DType = "TEST_Q8"
	old := storedTypes
	storedTypes = append(old[:len(old):len(old)],
		stored{name: q, elements: 32, bytes: 34, format: tensor.F16, bound: true},
		stored{name: "TEST_Q4K", elements: 256, bytes: 144})
	t.Cleanup(func() { storedTypes = old })
	n, ok := DType("TEST_Q4K").Bytes(3 * 512)
	require.True(t, ok)
	require.EqualValues(t, 6*144, n)
	_, ok = DType("TEST_Q4K").Bytes(3 * 128)
	require.False(t, ok)

	const rows, row = 4, 2 * 34 // of 64 elements
	data := make([]byte, 2*rows*row)
	for i := range data {
		data[i] = byte(i * 7)
	}
	a, b := data[:rows*row], data[rows*row:]
	ld := NewLoader(source(t, 5, named{"a", q, []int{rows, 64}, a}, named{"b", q, []int{rows, 64}, b}), nil)
	p, ok := ld.piece("middle", Ref{Name: "a", Lo: 1, Hi: 3}, 2, 64)
	require.True(t, ok)
	require.Equal(t, a[row:3*row], p.data)
	require.ErrorContains(t, ld.Finish(), `tensors that config.json has no place for (2): model.safetensors: "a", "b"`)
	p, ok = ld.joined("rest", Ref{Join: []Ref{{Name: "a", Hi: 1}, {Name: "b"}, {Name: "a", Lo: 3, Hi: 4}}}, 6, 64)
	require.True(t, ok)
	require.Equal(t, slices.Concat(a[:row], b, a[3*row:]), p.data)
	require.NoError(t, ld.Finish(), "every block is accounted for")

	ld = NewLoader(ld.src, nil)
	p, ok = ld.joined("turns", Ref{Join: []Ref{{Name: "a"}, {Name: "b"}}, Run: 32}, rows, 128)
	require.True(t, ok)
	require.Equal(t, q, p.name)
	for at := 0; at < len(data); at += 34 {
		part := [2][]byte{a, b}[at/34%2]
		require.Equal(t, part[at/68*34:][:34], p.data[at:at+34])
	}
	require.NoError(t, ld.Finish())
}
