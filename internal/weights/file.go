package weights

// A checkpoint's file in the address space: mapped where the system can, else read once. What is in
// it is a reader's business (internal/safetensors, internal/torchfile).

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/edsrzf/mmap-go"

	"github.com/qwenvl/qwenvl/internal/pages"
)

// File is the bytes of one file. They must not be changed, nor used once it is closed.
type File struct {
	Name   string // for errors
	Data   []byte
	mapped mmap.MMap // nil where Data is in the heap
}

// OpenFile maps a file of the operating system, which must not be shortened from then on, and reads
// any other into memory. Errors name it as shown.
//
// Errors: *[FormatError], *[UnsupportedError], or the file's own, wrapped.
func OpenFile(fsys fs.FS, name, shown string) (*File, error) {
	// Asked for before opening, which would wait at a named pipe.
	if info, err := fs.Stat(fsys, name); err != nil {
		return nil, fmt.Errorf("weights: open: %s: %w", shown, err)
	} else if !info.Mode().IsRegular() {
		return nil, Malformed(shown, "file", "not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("weights: open: %s: %w", shown, err)
	}
	defer f.Close() // a mapping stays without it
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("weights: open: %s: %w", shown, err)
	}
	size := info.Size()
	if size < 0 || size > math.MaxInt-bufferAlign {
		return nil, Unsupported(shown, "file", "a size of %d bytes on this platform", size)
	}
	if osFile, ok := f.(*os.File); ok && pages.CanMap && size > 0 {
		// Nothing is advised: the kernel's read-ahead suits a decoder that walks its layers in
		// order.
		m, err := mmap.MapRegion(osFile, int(size), mmap.RDONLY, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("weights: map: %s: %w", shown, err)
		}
		return &File{Name: shown, Data: m, mapped: m}, nil
	}
	data, err := readFull(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("weights: read: %s: %w", shown, err)
	}
	return &File{Name: shown, Data: data}, nil
}

// MaxPointer is how many bytes a pointer of git LFS has at most.
const MaxPointer = 1024

// Pointer says what is wrong with contents that are a pointer of git LFS, which stands in place of
// a large file that was not fetched; "" of others.
//
// Source: git-lfs, docs/spec.md.
func Pointer(data []byte) string {
	const prefix = "version https://git-lfs.github.com/spec/"
	if len(data) > MaxPointer || !strings.HasPrefix(string(data), prefix) {
		return ""
	}
	problem := "a pointer of git LFS in place of the file"
	for line := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "size ")
		if size, err := strconv.ParseUint(text, 10, 63); ok && err == nil {
			problem += ", which has " + strconv.FormatUint(size, 10) + " bytes"
		}
	}
	return problem + ": run git lfs pull in the folder, or download the file again"
}

// Close gives the file back.
func (f *File) Close() error {
	f.Data = nil
	if f.mapped == nil {
		return nil
	}
	return f.mapped.Unmap()
}

// readFull reads exactly size bytes and expects the end after them. A size that lies does not make
// it allocate more than a few times what is really there.
func readFull(r io.Reader, size int) ([]byte, error) {
	const first = 1 << 20
	buf := newBuffer(min(size, first))
	if at, ok := r.(io.ReaderAt); ok && size > first {
		var last [1]byte
		if n, _ := at.ReadAt(last[:], int64(size)-1); n == 1 {
			buf = newBuffer(size) // it reaches so far: no growing
		}
	}
	for have := 0; have < size; {
		if have == len(buf) {
			grown := newBuffer(min(size, 2*len(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := io.ReadFull(r, buf[have:])
		have += n
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	var extra [1]byte
	if _, err := io.ReadFull(r, extra[:]); err == nil {
		return nil, fmt.Errorf("longer than its stated %d bytes", size)
	} else if err != io.EOF {
		return nil, err
	}
	return buf, nil
}
