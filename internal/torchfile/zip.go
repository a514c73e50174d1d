package torchfile

// The directory of a zip archive and where its members lie. Whatever two readers could see differently
// (two headers of a member that contradict each other, overlapping members) is refused. What the
// members are for is in torch.go.

import (
	"cmp"
	"encoding/binary"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// The records of a zip archive: their signatures and the sizes of their fixed parts.
const (
	localSig, localSize     = 0x04034b50, 30
	centralSig, centralSize = 0x02014b50, 46
	endSig, endSize         = 0x06054b50, 22
	end64Sig, end64Size     = 0x06064b50, 56
	locatorSig, locatorSize = 0x07064b50, 20
)

const (
	maxDirectory = 100_000_000 // bytes

	maxMembers = weights.MaxTensors + 64 // a storage for each tensor and the few other records

	encrypted  = 1 << 0 // flag bits
	descriptor = 1 << 3 // the local header leaves its sizes to a record after the data
)

// member is one file of an archive, stored as it is: bytes begin..end-1 of the archive.
type member struct {
	name       string
	header     uint64 // where the member's local header begins
	begin, end uint64
}

// archive reads the directory of a zip archive.
//
// archive/zip is not used: it reads headers for as long as there are any, whatever their stated
// number, so that the memory for a hostile directory is several times the file, and it resolves
// contradictions between a member's two headers silently.
type archive struct {
	file string
	data []byte
}

// record is bytes with little-endian numbers in them.
type record []byte

func (r record) u16(at int) uint64 { return uint64(binary.LittleEndian.Uint16(r[at:])) }
func (r record) u32(at int) uint64 { return uint64(binary.LittleEndian.Uint32(r[at:])) }
func (r record) u64(at int) uint64 { return binary.LittleEndian.Uint64(r[at:]) }

// directory is where the central directory lies.
type directory struct{ begin, size, count uint64 }

const zipPart = "zip directory"

func (z archive) fail(field, format string, args ...any) error {
	return weights.Malformed(z.file, field, format, args...)
}

// readZip returns the members of an archive, sorted by name: stored, not compressed, not encrypted,
// none twice, none overlapping another, all named by clean relative paths.
//
// Checksums are not compared: that would read all of the data, and torch can be told not to write
// them.
//
// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
func readZip(file string, data []byte) ([]member, error) {
	z := archive{file, data}
	d, err := z.end()
	if err != nil {
		return nil, err
	}
	if d.count > maxMembers || d.size > maxDirectory {
		return nil, z.fail(zipPart, "%d members in %d bytes are over the limit", d.count, d.size)
	}
	if d.count > d.size/centralSize {
		return nil, z.fail(zipPart, "%d bytes are too few for %d members", d.size, d.count)
	}
	text := string(data[d.begin : d.begin+d.size]) // the names are parts of it
	members := make([]member, 0, d.count)
	for range d.count {
		m, n, err := z.central(d, text)
		if err != nil {
			return nil, err
		}
		members, text = append(members, m), text[n:]
	}
	if text != "" {
		return nil, z.fail(zipPart, "%d bytes follow its last member", len(text))
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.header, b.header) })
	for i := 1; i < len(members); i++ {
		if members[i].header < members[i-1].end {
			return nil, z.fail(members[i].name, "overlaps member %s", weights.Quote(members[i-1].name))
		}
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(members); i++ {
		if members[i].name == members[i-1].name {
			return nil, z.fail(members[i].name, "duplicate member")
		}
	}
	return members, nil
}

// end reads the records at the end of the file, which say where the directory is.
func (z archive) end() (directory, error) {
	size := uint64(len(z.data))
	if size < endSize {
		return directory{}, z.fail(zipPart, "the file has %d bytes, too few for an archive", size)
	}
	limit := size - endSize
	e := record(z.data[limit:])
	if e.u32(0) != endSig || e.u16(20) != 0 {
		return directory{}, z.fail(zipPart,
			"its end record is not the file's last %d bytes: the file is cut or has more behind it", endSize)
	}
	d := directory{begin: e.u32(16), size: e.u32(12), count: e.u16(10)}
	disk := e.u16(4)
	if disk != e.u16(6) || disk != 0 && disk != math.MaxUint16 || e.u16(8) != d.count {
		return directory{}, z.fail(zipPart, "it spans several files")
	}
	if limit >= locatorSize && record(z.data[limit-locatorSize:]).u32(0) == locatorSig {
		limit -= locatorSize
		at := record(z.data[limit:]).u64(8)
		if at > limit || limit-at < end64Size || record(z.data[at:]).u32(0) != end64Sig {
			return directory{}, z.fail(zipPart, "its 64-bit end record is not at byte %d", at)
		}
		e, limit = z.data[at:], at
		d64 := directory{begin: e.u64(48), size: e.u64(40), count: e.u64(32)}
		if !agrees(d.begin, d64.begin, math.MaxUint32) || !agrees(d.size, d64.size, math.MaxUint32) ||
			!agrees(d.count, d64.count, math.MaxUint16) {
			return directory{}, z.fail(zipPart, "its two end records contradict each other")
		}
		d = d64
	}
	if d.begin > limit || d.size > limit-d.begin {
		return directory{}, z.fail(zipPart, "%d bytes at byte %d go beyond byte %d, its end record",
			d.size, d.begin, limit)
	}
	return d, nil
}

// agrees reports whether a short field repeats a long one or leaves it the word.
func agrees(short, long, all uint64) bool { return short == long || short == all }

// central reads the first header of text and the local header it leads to. It returns the bytes of
// text it took.
func (z archive) central(d directory, text string) (m member, n int, err error) {
	if len(text) < centralSize {
		return m, 0, z.fail(zipPart, "it ends within a header")
	}
	h := record(text[:centralSize])
	nameLen, extraLen := int(h.u16(28)), int(h.u16(30))
	n = centralSize + nameLen + extraLen + int(h.u16(32))
	if h.u32(0) != centralSig || n > len(text) {
		return m, 0, z.fail(zipPart, "it has a broken header")
	}
	m.name = text[centralSize : centralSize+nameLen]
	if !fs.ValidPath(m.name) || strings.ContainsAny(m.name, "\\:\x00") {
		return m, 0, z.fail(m.name, "is not a plain relative path")
	}
	stored, size := h.u32(20), h.u32(24)
	m.header = h.u32(42)
	if !wide(text[centralSize+nameLen:][:extraLen], &size, &stored, &m.header) {
		return m, 0, z.fail(m.name, "its 64-bit sizes are missing")
	}
	flags, method := h.u16(8), h.u16(10)
	switch {
	case flags&encrypted != 0:
		return m, 0, weights.Unsupported(z.file, m.name, "an encrypted member")
	case method != 0:
		return m, 0, weights.Unsupported(z.file, m.name, "a compressed member (method %d)", method)
	case stored != size:
		return m, 0, z.fail(m.name, "is stored, but as %d bytes of %d", stored, size)
	}
	return m, n, z.local(d, &m, size)
}

// wide replaces each field that holds its largest value by the next one of the 64-bit extra field.
func wide(extra string, fields ...*uint64) bool {
	var long string
	for len(extra) >= 4 {
		id, n := uint16(extra[0])|uint16(extra[1])<<8, int(extra[2])|int(extra[3])<<8
		if n > len(extra)-4 {
			return false
		}
		if id == 1 {
			long = extra[4 : 4+n]
			break
		}
		extra = extra[4+n:]
	}
	for _, f := range fields {
		if *f != math.MaxUint32 {
			continue
		}
		if len(long) < 8 {
			return false
		}
		*f, long = record(long[:8]).u64(0), long[8:]
	}
	return true
}

// local holds a member's local header against the central one and finds its data, which lies before
// the directory.
func (z archive) local(d directory, m *member, size uint64) error {
	if m.header > d.begin || d.begin-m.header < localSize {
		return z.fail(m.name, "header at byte %d is beyond the members", m.header)
	}
	h := record(z.data[m.header:])
	nameLen := h.u16(26)
	skip := localSize + nameLen + h.u16(28)
	if h.u32(0) != localSig || d.begin-m.header < skip {
		return z.fail(m.name, "no header at byte %d", m.header)
	}
	flags := h.u16(6)
	if string(h[localSize:localSize+nameLen]) != m.name || flags&encrypted != 0 || h.u16(8) != 0 {
		return z.fail(m.name, "its two headers contradict each other")
	}
	for _, field := range []int{18, 22} {
		got := h.u32(field)
		if !agrees(got, size, math.MaxUint32) && (flags&descriptor == 0 || got != 0) {
			return z.fail(m.name, "its two headers contradict each other")
		}
	}
	m.begin = m.header + skip
	if size > d.begin-m.begin {
		return z.fail(m.name, "%d bytes at byte %d are beyond the members", size, m.begin)
	}
	m.end = m.begin + size
	return nil
}
