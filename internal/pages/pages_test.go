package pages

// Regions are zeroed and large; what is forgotten of a file is there again when it is read.

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"github.com/stretchr/testify/require"
)

func TestRegion(t *testing.T) {
	for _, get := range []func(int) (Region, error){New, NewSmall} {
		r, err := get(5<<20 + 3)
		require.NoError(t, err)
		b := r.Bytes()
		require.Len(t, b, 5<<20+3)
		require.Zero(t, uintptr(unsafe.Pointer(&b[0]))%uintptr(os.Getpagesize()))
		for i := 0; i < len(b); i += 4096 {
			require.Zero(t, b[i])
			b[i] = 1
		}
		require.NoError(t, r.Free())

		r, err = get(0)
		require.NoError(t, err)
		require.Empty(t, r.Bytes())
		require.NoError(t, r.Free())
	}
}

// What is forgotten of a file is there again when it is read.
func TestForget(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	want := make([]byte, 10*os.Getpagesize()+7)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	require.NoError(t, os.WriteFile(name, want, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	m, err := mmap.MapRegion(f, len(want), mmap.RDONLY, 0, 0)
	require.NoError(t, err)
	require.Equal(t, want, []byte(m))
	for _, c := range [][2]int{{0, len(m)}, {5, len(m)}, {1, 2}, {100, 9 * os.Getpagesize()}, {3, 3}} {
		Forget(m[c[0]:c[1]])
		require.Equal(t, want, []byte(m))
	}
	require.NoError(t, m.Unmap())
}

func TestAvailable(t *testing.T) {
	n := Available()
	if runtime.GOOS == "linux" {
		require.Positive(t, n)
	}
	require.Less(t, n, int64(1)<<50)
}
