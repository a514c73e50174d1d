package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

const (
	tensorA = `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	tensorB = `"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`
	data4   = "\x00\x00\x80\x3f"
	data8   = data4 + data4
)

// Each rule of the format, broken alone: the error is a weights.FormatError that names file and field.
func TestHostileFilesAreRefused(t *testing.T) {
	meta := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `%s"k%d":""`, ","[:min(i, 1)], i)
		}
		return `{"__metadata__":{` + b.String() + "}}"
	}
	one := func(body string) []byte { return raw(`{"a":{`+body+`}}`, data4) }
	length := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	cases := []struct {
		name, field, reason string
		file                []byte
	}{
		{"empty file", "header", "is empty", nil},
		{"seven bytes", "header", "too few", make([]byte, 7)},
		{"length 2^64-1", "header", "is over", append(length(1<<64-1), data8...)},
		{"length 2^63", "header", "is over", append(length(1<<63), data8...)},
		{"another format", "header", `begins with "GGUF`, []byte("GGUF\x03\x00\x00\x00 and more")},
		{"length over the limit", "header", "is over", append(length(maxHeader+1), data8...)},
		{"length beyond the file", "header", "beyond", append(length(9), data8...)},
		{"length 0", "header", `"{"`, length(0)},
		{"space before the brace", "header", `"{"`, raw(` {`+tensorA+`}`, data4)},
		{"array", "header", `"{"`, raw(`[1]`, "")},
		{"not UTF-8", "header", "UTF-8", raw("{\"a\xff\":{}}", "")},
		{"overlong UTF-8", "header", "UTF-8", raw("{\"\xc0\xaf\":{}}", "")},
		{"UTF-8 byte order mark", "header", `"{"`, raw("\ufeff{}", "")},
		{"unclosed", "header", "byte", raw(`{`+tensorA, data4)},
		{"trailing comma", "header", "byte", raw(`{`+tensorA+`,}`, data4)},
		{"two values", "header", "the end", raw(`{`+tensorA+`}{}`, data4)},
		{"NUL padding", "header", "the end", raw("{"+tensorA+"}\x00", data4)},
		{"control character in a name", "header", "character", raw("{\"a\n\":{}}", "")},
		{"half a surrogate pair", "header", "surrogate", raw(`{"\ud800":{}}`, "")},
		{"wrong surrogate pair", "header", "surrogate", raw(`{"\ud800\u0041":{}}`, "")},
		{"bad escape", "header", "escape", raw(`{"\x":{}}`, "")},
		{"short escape", "header", "escape", raw(`{"\u00`, "")},
		{"bad hex", "header", "escape", raw(`{"\u00g0":{}}`, "")},

		{"tensor is a number", "header", `"{"`, raw(`{"a":1}`, data4)},
		{"no dtype", "a", "is missing", one(`"shape":[1],"data_offsets":[0,4]`)},
		{"no shape", "a", "is missing", one(`"dtype":"F32","data_offsets":[0,4]`)},
		{"no offsets", "a", "is missing", one(`"dtype":"F32","shape":[1]`)},
		{"empty tensor object", "a", "is missing", one(``)},
		{"repeated dtype", "a", "duplicate", one(`"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]`)},
		{"repeated shape", "a", "duplicate", one(`"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,4]`)},
		{"repeated offsets", "a", "duplicate", one(`"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]`)},
		{"repeated by escape", "a", "duplicate", one(`"dtype":"F32","shape":[1],"sh\u0061pe":[1],"data_offsets":[0,4]`)},
		{"other case", "a", "a key other", one(`"Dtype":"F32","shape":[1],"data_offsets":[0,4]`)},
		{"other key", "a", "a key other", one(`"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1`)},
		{"negative dimension", "header", "whole number", one(`"dtype":"F32","shape":[-1],"data_offsets":[0,4]`)},
		{"fraction", "header", `byte`, one(`"dtype":"F32","shape":[1.0],"data_offsets":[0,4]`)},
		{"exponent", "header", `byte`, one(`"dtype":"F32","shape":[1e0],"data_offsets":[0,4]`)},
		{"leading zero", "header", "whole number", one(`"dtype":"F32","shape":[01],"data_offsets":[0,4]`)},
		{"number as string", "header", "whole number", one(`"dtype":"F32","shape":["1"],"data_offsets":[0,4]`)},
		{"dimension 2^64", "header", "2^64", one(`"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]`)},
		{"dimension 2^63", "a", "too large", one(`"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]`)},
		{"too many dimensions", "a", "too many", one(`"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]`)},
		{"product overflows", "a", "overflow", one(`"dtype":"U8","shape":[4611686018427387904,4611686018427387904,4],"data_offsets":[0,4]`)},
		{"product wraps to the size", "a", "overflow", one(`"dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,0]`)},
		{"bytes overflow", "a", "do not take", one(`"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]`)},
		{"part of a block", "a", "6 elements of F6_E2M3 do not take", one(`"dtype":"F6_E2M3","shape":[6],"data_offsets":[0,4]`)},
		{"part of a byte", "a", "do not take", one(`"dtype":"F4","shape":[1],"data_offsets":[0,1]`)},
		{"size does not fit", "a", "do not take", one(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`)},
		{"one offset", "a", "pair", one(`"dtype":"F32","shape":[1],"data_offsets":[0]`)},
		{"three offsets", "a", "pair", one(`"dtype":"F32","shape":[1],"data_offsets":[0,4,4]`)},
		{"offsets backwards", "a", "backwards", one(`"dtype":"F32","shape":[1],"data_offsets":[4,0]`)},
		{"offset near 2^64", "a", "hole", one(`"dtype":"F32","shape":[1],"data_offsets":[18446744073709551611,18446744073709551615]`)},
		{"beyond the file", "a", "the file has 65 bytes and its header describes 66", raw(`{`+tensorA+`}`, data4[:3])},
		{"hole at the start", "b", "hole", raw(`{`+tensorB+`}`, data8)},
		{"hole", "c", "hole", raw(`{`+tensorA+`,"c":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, data8+data4)},
		{"overlap", "c", "overlaps", raw(`{`+tensorA+`,"c":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, data8[:6])},
		{"same range", "c", "overlaps", raw(`{"c":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},`+tensorA+`}`, data4)},
		{"trailing bytes", "data", "follow", raw(`{`+tensorA+`}`, data4+"PK\x03\x04")},
		{"data without tensors", "data", "follow", raw(`{}`, data4)},
		{"repeated tensor", "a", "duplicate", raw(`{`+tensorA+`,"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data8)},
		{"repeated tensor by escape", "a", "duplicate", raw(`{`+tensorA+`,"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data8)},

		{"metadata number", "__metadata__", "strings", raw(`{"__metadata__":{"k":1}}`, "")},
		{"metadata null", "header", `"{"`, raw(`{"__metadata__":null}`, "")},
		{"metadata nested", "__metadata__", "strings", raw(`{"__metadata__":{"k":{}}}`, "")},
		{"metadata key twice", "__metadata__", "duplicate", raw(`{"__metadata__":{"k":"","k":""}}`, "")},
		{"metadata twice", "__metadata__", "duplicate", raw(`{"__metadata__":{},"__metadata__":{}}`, "")},
		{"metadata too long", "__metadata__", "more than", raw(meta(maxMetadata+1), "")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := open(c.file)
			require.Nil(t, s)
			var fe *weights.FormatError
			require.ErrorAs(t, err, &fe)
			require.Equal(t, singleFile, fe.File)
			require.Equal(t, c.field, fe.Field)
			require.Contains(t, fe.Reason, c.reason)
			require.Contains(t, err.Error(), singleFile)
		})
	}
}

func TestUnknownElementTypeIsUnsupported(t *testing.T) {
	_, err := open(raw(`{"layer.x":{"dtype":"Q4_0","shape":[1],"data_offsets":[0,4]}}`, data4))
	var ue *weights.UnsupportedError
	require.ErrorAs(t, err, &ue)
	require.Equal(t, "layer.x", ue.Field)
	require.Contains(t, ue.Feature, "Q4_0")
}

// What the format allows is read.
func TestLegalOddities(t *testing.T) {
	cases := []struct {
		name  string
		file  []byte
		names []string
	}{
		{"no tensors", raw(`{}`, ""), []string{}},
		{"spaces after the header", raw(`{`+tensorA+"}  \n\t", data4), []string{"a"}},
		{"data before it in the header", raw(`{`+tensorB+`,`+tensorA+`}`, data8), []string{"a", "b"}},
		{"empty tensors", raw(`{`+tensorA+`,"z":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},"e":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, data4), []string{"a", "e", "z"}},
		{"scalar", raw(`{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, data4), []string{"s"}},
		{"half bytes", raw(`{"q":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}`, data4), []string{"q"}},
		{"escapes", raw(`{"\"\\\/\b\f\n\r\t\u00E9\ud83d\ude00":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, data4), []string{"\"\\/\b\f\n\r\té😀"}},
		{"empty name", raw(`{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, data4), []string{""}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := open(c.file)
			require.NoError(t, err)
			require.Equal(t, c.names, s.Names())
			for _, n := range c.names {
				_, ok := s.Tensor(n)
				require.True(t, ok)
			}
		})
	}
}

// A good file cut anywhere is refused.
func TestCutFilesAreRefused(t *testing.T) {
	good := build(t, 3, named{"w", weights.F32, []int{64, 4}, f32(make([]float32, 256)...)}, named{"norm", weights.BF16, []int{8}, u16(make([]uint16, 8)...)})
	_, err := open(good)
	require.NoError(t, err)
	cut := map[int]bool{}
	for i := range 64 {
		cut[len(good)*i/64] = true
	}
	for i := range min(len(good), 256) {
		cut[i], cut[len(good)-1-i] = true, true
	}
	for at := range cut {
		s, err := open(good[:at])
		require.Nil(t, s)
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe, "cut at %d", at)
	}
}

// allocated returns the bytes that f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever a file claims, memory stays near its size.
func TestMemoryIsBounded(t *testing.T) {
	many := func(n int, end string) []byte {
		var b strings.Builder
		b.WriteString("{")
		for i := range n {
			fmt.Fprintf(&b, `%s"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, ","[:min(i, 1)], i)
		}
		return raw(b.String()+end, "")
	}
	cases := []struct {
		name string
		file []byte
		ok   bool
	}{
		{"length 2^64-1", append(binary.LittleEndian.AppendUint64(nil, 1<<64-1), make([]byte, 1000)...), false},
		{"200,000 tensors on one range", many(200_000, "}"), true},
		{"200,000 tensors, cut", many(200_000, ""), false},
		{"10M metadata keys", raw(`{"__metadata__":{`+strings.Repeat(`"":"",`, 10_000_000), ""), false},
		{"10M dimensions", raw(`{"a":{"shape":[`+strings.Repeat("1,", 10_000_000), ""), false},
		{"30M braces", raw(strings.Repeat("{", 30_000_000), ""), false},
		{"a huge name", raw(`{"`+strings.Repeat("a", 30_000_000)+`":{}}`, ""), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, err = Read("f", c.file) })
			require.Equal(t, c.ok, err == nil)
			require.Less(t, used, uint64(10*len(c.file)+1<<22))
			if err != nil {
				require.Less(t, len(err.Error()), 2000)
			}
		})
	}
}

// The reader never panics and never accepts what a second strict pass over its own output refuses.
func FuzzSafetensors(f *testing.F) {
	f.Add(build(f, 3, named{"w", weights.F32, []int{2, 2}, f32(1, 2, 3, 4)}, named{"n", weights.BF16, []int{2}, u16(1, 2)}, named{"e", weights.F16, []int{0, 3}, nil}))
	f.Add(raw(`{`+tensorA+`,`+tensorB+`}`, data8))
	f.Add(raw(`{"__metadata__":{"a":"b"},"\ud83d\ude00":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}`, data4))
	f.Add(raw(`{}`, ""))
	f.Fuzz(func(t *testing.T, file []byte) {
		check := func(file []byte) {
			// From a stream the header reads the same.
			whole, err := Read("f", file)
			streamed, again := ReadHeader("f", bytes.NewReader(file), int64(len(file)))
			require.Equal(t, err, again)
			for i := range whole {
				whole[i].Data = nil
			}
			require.Equal(t, whole, streamed)

			s, err := open(file)
			if err != nil {
				require.Nil(t, s)
				var fe *weights.FormatError
				var ue *weights.UnsupportedError
				if !asEither(err, &fe, &ue) {
					t.Fatalf("untyped error %v", err)
				}
				return
			}
			total := 0
			var more []named
			for _, n := range s.Names() {
				x, ok := s.Tensor(n)
				require.True(t, ok)
				total += len(x.Data)
				more = append(more, named{n, x.DType, x.Shape, x.Data})
			}
			require.LessOrEqual(t, total, len(file)-10)
			// Written again, it reads the same.
			b := build(t, 0, more...)
			s2, err := open(b)
			require.NoError(t, err)
			require.Equal(t, s.Names(), s2.Names())
			require.NoError(t, s.Close())
			require.NoError(t, s2.Close())
		}
		check(file)
		check(withLength(file)) // a header length that fits, so that mutations reach what follows
	})
}

// withLength sets the length of a header to where its last closing brace is.
func withLength(file []byte) []byte {
	if len(file) < 8 {
		return file
	}
	end := strings.LastIndexByte(string(file[8:]), '}')
	return append(binary.LittleEndian.AppendUint64(nil, uint64(end+1)), file[8:]...)
}
