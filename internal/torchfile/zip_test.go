package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// zipWriter writes an archive record by record, so that a test can make any of them lie.
type zipWriter struct {
	chunks  []chunk
	size    int64
	members []*zipMember
	end     []byte // replaces the end records
	trailer []byte
}

type chunk struct {
	at int64
	b  []byte
}

type zipMember struct {
	name          string
	size          uint64
	offset        int64
	method, flags uint16
	extra         []byte
}

func newZip() *zipWriter { return &zipWriter{} }

func member0(prefix string, i int) string { return fmt.Sprint(prefix, i) }

func (z *zipWriter) put(b []byte) {
	z.chunks = append(z.chunks, chunk{z.size, b})
	z.size += int64(len(b))
}

// add appends a member as it is.
func (z *zipWriter) add(name string, data []byte) *zipWriter {
	m := &zipMember{name: name, size: uint64(len(data)), offset: z.size}
	z.members = append(z.members, m)
	z.put(localHeader(name, name, m.size, m.size, 0, 0))
	z.put(data)
	return z
}

// hole lets the last member have n bytes that are in no chunk.
func (z *zipWriter) hole(n int64) {
	m := z.members[len(z.members)-1]
	m.size += uint64(n)
	z.chunks[len(z.chunks)-2].b = localHeader(m.name, m.name, m.size, m.size, 0, 0)
	z.size += n
}

func (z *zipWriter) last() *zipMember { return z.members[len(z.members)-1] }

func localHeader(name, shown string, stored, size uint64, method, flags uint16) []byte {
	b := binary.LittleEndian.AppendUint32(nil, localSig)
	b = append(b, 20, 0)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint16(b, method)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(stored))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	b = append(b, 0, 0)
	return append(b, shown...)
}

func (m *zipMember) header() []byte {
	b := binary.LittleEndian.AppendUint32(nil, centralSig)
	b = append(b, 20, 0, 20, 0)
	b = binary.LittleEndian.AppendUint16(b, m.flags)
	b = binary.LittleEndian.AppendUint16(b, m.method)
	b = append(b, make([]byte, 8)...)
	size, offset := uint32(m.size), uint32(m.offset)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.name)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.extra)))
	b = append(b, make([]byte, 10)...)
	b = binary.LittleEndian.AppendUint32(b, offset)
	return append(append(b, m.name...), m.extra...)
}

// directory is the size of the directory.
func (z *zipWriter) directory() int64 {
	n := 0
	for _, m := range z.members {
		n += len(m.header())
	}
	return int64(n)
}

// finish appends the directory and the end records.
func (z *zipWriter) finish() {
	at := z.size
	for _, m := range z.members {
		z.put(m.header())
	}
	if z.end != nil {
		z.put(z.end)
	} else {
		z.put(endRecord(len(z.members), z.size-at, at))
	}
	z.put(z.trailer)
}

func endRecord(count int, size, at int64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, endSig)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	return append(b, 0, 0)
}

func (z *zipWriter) bytes() []byte {
	z.finish()
	b := make([]byte, z.size)
	for _, c := range z.chunks {
		copy(b[c.at:], c.b)
	}
	return b
}

// write makes a sparse file.
func (z *zipWriter) write(t testing.TB, path string) {
	z.finish()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(z.size))
	for _, c := range z.chunks {
		_, err := f.WriteAt(c.b, c.at)
		require.NoError(t, err)
	}
}

// oneTensor is an archive with tensor w, float32 [2].
func oneTensor() *zipWriter {
	p := newPickle().raw("}").str("w").tensor("FloatStorage", 0, 2, 0, []int64{2}, []int64{1})
	return newZip().add("a/data.pkl", p.raw("s.").b).add("a/byteorder", []byte("little")).add("a/data/0", f32(1, 2))
}

// What torch writes and what archive/zip writes without compression is read as archive/zip reads it.
func TestZipEqualsArchiveZip(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := range 3 {
		m, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprint("a/", i), Method: zip.Store}) // with a descriptor
		require.NoError(t, err)
		_, err = m.Write(seq(i))
		require.NoError(t, err)
	}
	m, err := w.CreateRaw(&zip.FileHeader{Name: "a/raw", Method: zip.Store, UncompressedSize64: 4, CompressedSize64: 4, CRC32: crc32.ChecksumIEEE(f32(1))})
	require.NoError(t, err)
	_, err = m.Write(f32(1))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	// A member that says in 64 bits what it could in 32, between other extra fields.
	wide := oneTensor()
	wide.last().extra = append(append([]byte{9, 9, 1, 0, 7, 1, 0, 16, 0}, le64(8, 8)...), 9, 9, 0, 0)
	wide.last().size = math.MaxUint32
	for name, data := range map[string][]byte{
		"64-bit member": wide.bytes(), "64-bit end": with64(3, uint64(oneTensor().directory()), uint64(oneTensor().size)),
		"torch": torchData(t, "single/pytorch_model.bin"), "archive/zip": buf.Bytes(), "by hand": oneTensor().bytes(),
		"empty": newZip().bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readZip("f", data)
			require.NoError(t, err)
			r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
			require.NoError(t, err)
			require.Len(t, got, len(r.File))
			for _, f := range r.File {
				at, err := f.DataOffset()
				require.NoError(t, err)
				found := false
				for _, m := range got {
					found = found || m.name == f.Name && m.begin == uint64(at) && m.end == uint64(at)+f.UncompressedSize64
				}
				require.True(t, found, f.Name)
			}
		})
	}
	src, err := open(oneTensor().bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"w"}, src.Names())
}

func le64(n ...uint64) []byte {
	var b []byte
	for _, x := range n {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// end64 is the three end records of a large archive.
func end64(count, size, at, end uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, end64Sig)
	b = append(b, le64(44)...)
	b = append(b, make([]byte, 12)...)
	b = append(b, le64(count, count, size, at)...)
	b = binary.LittleEndian.AppendUint32(b, locatorSig)
	b = append(b, make([]byte, 4)...)
	b = append(b, le64(end)...)
	b = append(b, 1, 0, 0, 0)
	return append(b, endRecord(math.MaxUint16, math.MaxUint32, math.MaxUint32)...)
}

func TestHostileZipIsRefused(t *testing.T) {
	compressed := func() []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		m, _ := w.Create("a/data.pkl") // deflated
		_, _ = m.Write(bytes.Repeat([]byte{0}, 10<<20))
		_ = w.Close()
		return buf.Bytes()
	}
	with := func(f func(z *zipWriter)) []byte {
		z := oneTensor()
		f(z)
		return z.bytes()
	}
	inLocal := func(at int, b ...byte) []byte { // of the last member
		z := oneTensor()
		data := z.bytes()
		copy(data[int(z.last().offset)+at:], b)
		return data
	}
	name := "a/data/0"
	cases := []struct {
		name   string
		data   []byte
		field  string
		reason string
	}{
		{"empty", nil, "file", "not a zip"},
		{"tar", append(append(make([]byte, 257), "ustar"...), make([]byte, 250)...), "file", "tar archive"},
		{"safetensors", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), "file", "not a zip"},
		{"short", []byte("PK\x03\x04"), zipPart, "too few"},
		{"no end", bytes.Repeat([]byte("PK\x03\x04"), 20), zipPart, "cut"},
		{"comment", with(func(z *zipWriter) { z.trailer = []byte("x") }), zipPart, "more behind it"},
		{"no members", append([]byte("PK\x03\x04"), newZip().bytes()...), zipPart, "data.pkl"},
		{"bomb", compressed(), "a/data.pkl", "a compressed member (method 8)"},
		{"encrypted", with(func(z *zipWriter) { z.last().flags = 1 }), name, "an encrypted member"},
		{"compressed in the local header only", inLocal(8, 8), name, "contradict"},
		{"encrypted in the local header only", inLocal(6, 1), name, "contradict"},
		{"another name in the local header", inLocal(30, 'b'), name, "contradict"},
		{"another size in the local header", inLocal(18, 9), name, "contradict"},
		{"no local header", inLocal(0, 'x'), name, "no header"},
		{"local header with a long name", inLocal(27, 0xff), name, "no header"},
		{"local header with a long extra", inLocal(29, 0xff), name, "no header"},
		{"size beyond", with(func(z *zipWriter) { z.last().size = 9 }), name, "contradict"},
		{"size far beyond", with(func(z *zipWriter) {
			z.last().size = math.MaxUint32
			z.last().extra = append([]byte{1, 0, 16, 0}, le64(1<<62, 1<<62)...)
		}), name, "contradict"},
		{"size far beyond in both headers", func() []byte {
			z := oneTensor()
			z.last().size = math.MaxUint32
			z.last().extra = append([]byte{1, 0, 16, 0}, le64(math.MaxUint64, math.MaxUint64)...)
			z.chunks[len(z.chunks)-2].b = localHeader(name, name, math.MaxUint32, math.MaxUint32, 0, 0)
			return z.bytes()
		}(), name, "beyond the members"},
		{"64-bit size missing", with(func(z *zipWriter) { z.last().size = math.MaxUint32 }), name, "64-bit"},
		{"64-bit extra cut", with(func(z *zipWriter) {
			z.last().size = math.MaxUint32
			z.last().extra = []byte{1, 0, 16, 0, 1}
		}), name, "64-bit"},
		{"offset beyond", with(func(z *zipWriter) { z.last().offset = 1 << 30 }), name, "beyond the members"},
		{"offset in the middle", with(func(z *zipWriter) { z.last().offset++ }), name, "no header"},
		{"twice", with(func(z *zipWriter) { z.add(name, f32(3, 4)) }), name, "duplicate"},
		{"one header named twice", with(func(z *zipWriter) { z.members = append(z.members, z.last()) }), name, "overlaps"},
		{"overlap", func() []byte { // a member within a member's data
			z := oneTensor()
			inner := localHeader("a/data/9", "a/data/9", 0, 0, 0, 0)
			z.add("a/data/8", inner)
			z.members = append(z.members, &zipMember{name: "a/data/9", offset: z.size - int64(len(inner))})
			return z.bytes()
		}(), "a/data/9", "overlaps"},
		{"parent", with(func(z *zipWriter) { z.add("a/../b", nil) }), "a/../b", "plain relative path"},
		{"only dots", with(func(z *zipWriter) { z.add("../data.pkl", nil) }), "../data.pkl", "plain relative path"},
		{"rooted", with(func(z *zipWriter) { z.add("/etc/passwd", nil) }), "/etc/passwd", "plain relative path"},
		{"backslash", with(func(z *zipWriter) { z.add(`a\..\b`, nil) }), `a\..\b`, "plain relative path"},
		{"drive", with(func(z *zipWriter) { z.add("C:b", nil) }), "C:b", "plain relative path"},
		{"NUL", with(func(z *zipWriter) { z.add("a/\x00", nil) }), "a/\x00", "plain relative path"},
		{"no name", with(func(z *zipWriter) { z.add("", nil) }), "", "plain relative path"},
		{"not UTF-8", with(func(z *zipWriter) { z.add("a/\xff", nil) }), "a/\xff", "plain relative path"},
		{"another folder", with(func(z *zipWriter) { z.add("b/data/1", nil) }), "b/data/1", "outside the folder"},
		{"two pickles", with(func(z *zipWriter) { z.add("b/data.pkl", nil) }), "b/data.pkl", "outside the folder"},
		{"no pickle", newZip().add("a/data/0", nil).bytes(), zipPart, "no data.pkl"},
		{"pickle at the root", newZip().add("data.pkl", []byte("\x80\x02}.")).bytes(), zipPart, "no data.pkl"},
		{"TorchScript", with(func(z *zipWriter) { z.add("a/constants.pkl", nil) }), "a/constants.pkl", "a TorchScript program"},
		{"big endian", newZip().add("a/data.pkl", nil).add("a/byteorder", []byte("big")).bytes(), "a/byteorder", `byte order "big"`},
		{"count too high", with(func(z *zipWriter) { z.end = endRecord(4, 50, z.size) }), zipPart, "too few for"},
		{"count too high by one", with(func(z *zipWriter) {
			z.add("a/"+strings.Repeat("n", 50), nil)
			z.end = endRecord(len(z.members)+1, z.directory(), z.size)
		}), zipPart, "ends within"},
		{"count too low", with(func(z *zipWriter) {
			z.end = endRecord(len(z.members)-1, z.directory(), z.size)
		}), zipPart, "follow its last"},
		{"directory beyond", with(func(z *zipWriter) { z.end = endRecord(3, 1<<30, 0) }), zipPart, "beyond byte"},
		{"directory at the end", with(func(z *zipWriter) { z.end = endRecord(3, 0, 1<<30) }), zipPart, "beyond byte"},
		{"directory in the data", with(func(z *zipWriter) { z.end = endRecord(1, 60, 1) }), zipPart, "broken header"},
		{"several disks", with(func(z *zipWriter) { z.end = endRecord(3, 9, 9); z.end[4] = 1 }), zipPart, "several files"},
		{"two counts", with(func(z *zipWriter) { z.end = endRecord(3, 9, 9); z.end[8] = 1 }), zipPart, "several files"},
		{"64-bit end elsewhere", with(func(z *zipWriter) { z.end = end64(3, 9, 9, 1<<63) }), zipPart, "64-bit end record"},
		{"64-bit end is no record", with(func(z *zipWriter) { z.end = end64(3, 9, 9, 0) }), zipPart, "64-bit end record"},
		{"64-bit count", with64(math.MaxUint64, 100, 0), zipPart, "over the limit"},
		{"64-bit size", with64(1, math.MaxUint64, 2), zipPart, "beyond byte"},
		{"64-bit offset", with64(1, 100, math.MaxUint64), zipPart, "beyond byte"},
		{"64-bit and 32-bit ends differ", func() []byte {
			b := with64(3, 9, 9)
			copy(b[len(b)-6:], []byte{7, 0, 0, 0})
			return b
		}(), zipPart, "contradict"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(c.data)
			require.Error(t, err)
			requireFieldReason(t, err, c.field, c.reason)
		})
	}
}

// with64 is an archive with 64-bit end records that say so many members, bytes and where.
func with64(count, size, at uint64) []byte {
	z := oneTensor()
	z.end = end64(count, size, at, uint64(z.size+z.directory()))
	return z.bytes()
}

// requireFieldReason expects one of the two typed errors.
func requireFieldReason(t *testing.T, err error, field, reason string) {
	t.Helper()
	switch e := unwrapJoined(err).(type) {
	case *weights.FormatError:
		require.Equal(t, field, e.Field, e.Error())
		require.Contains(t, e.Reason, reason)
	case *weights.UnsupportedError:
		require.Equal(t, field, e.Field, e.Error())
		require.Contains(t, e.Feature, reason)
	default:
		t.Fatalf("%T: %v", err, err)
	}
}

// unwrapJoined takes the first of joined errors.
func unwrapJoined(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()[0]
	}
	return err
}

// A directory that lies does not make the reader allocate more than a few times what is there.
func TestZipMemoryIsBounded(t *testing.T) {
	const n = 20_000
	z := newZip()
	for i := range n {
		z.add(fmt.Sprint("a/data/", i), nil)
	}
	data := z.bytes()
	used := allocated(func() {
		m, err := readZip("f", data)
		require.NoError(t, err)
		require.Len(t, m, n)
	})
	require.Less(t, used, uint64(4*len(data)))
	// Headers that go on beyond the stated number: archive/zip would read them all.
	data[len(data)-endSize+8], data[len(data)-endSize+9] = 1, 0
	data[len(data)-endSize+10], data[len(data)-endSize+11] = 1, 0
	used = allocated(func() {
		_, err := readZip("f", data)
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe)
	})
	require.Less(t, used, uint64(len(data)))
}
