package inflate

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func compress(t testing.TB, data []byte, level int) []byte {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, level)
	require.NoError(t, err)
	_, err = z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// samples are texts of several kinds: runs of short periods, noise, skewed bytes, a mixture.
func samples() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for _, n := range []int{0, 1, 5, 300, 70000, 400000} {
		noise, skew, runs := make([]byte, n), make([]byte, n), make([]byte, n)
		for i := range n {
			noise[i] = byte(rng.Uint32())
			skew[i] = byte(rng.ExpFloat64() * 5)
			runs[i] = byte(i % (1 + i/1000%11))
		}
		all = append(all, noise, skew, runs, append(bytes.Clone(skew), runs...))
	}
	return all
}

// readAll reads to the end in pieces of n bytes.
func readAll(in []byte, limit, n int) ([]byte, Status, *Reader) {
	r := NewReader(in, limit, n)
	var all []byte
	for {
		p, st := r.Next(n)
		all = append(all, p...)
		if st != More || len(p) < n {
			return all, st, r
		}
	}
}

func TestRead(t *testing.T) {
	for _, data := range samples() {
		for _, level := range []int{
			flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly,
		} {
			in := compress(t, data, level)
			for _, n := range []int{1, 1000, 100000} {
				if n == 1 && len(data) > 1000 {
					continue
				}
				got, st, r := readAll(in, len(data)+1, n)
				require.Equal(t, End, st)
				require.True(t, bytes.Equal(data, got))
				require.Equal(t, len(in), r.Used())
				if len(data) == 0 {
					continue
				}
				require.Less(t, r.UsedAtLast(), len(in)-3)
				require.Greater(t, r.UsedAtLast(), 2)
				got, st, r = readAll(append(bytes.Clone(in), "more"...), len(data), n)
				require.Equal(t, More, st, "the limit comes first")
				require.True(t, bytes.Equal(data, got))
				require.Equal(t, End, r.Tail(len(in)+4))
				require.Equal(t, len(in), r.Used())
			}
		}
	}
}

// The reader and compress/zlib agree on damaged streams, up to the order of error and output.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	broken := 0
	for _, data := range samples() {
		if len(data) > 80000 {
			continue
		}
		for _, level := range []int{0, 1, 9} {
			in := compress(t, data, level)
			for range 60 {
				bad := bytes.Clone(in)
				if rng.IntN(3) == 0 {
					bad = bad[:rng.IntN(len(bad))]
				} else {
					bad[rng.IntN(min(len(bad), 100))] ^= 1 << rng.IntN(8)
				}
				broken += agree(t, bad)
			}
		}
	}
	require.Greater(t, broken, 1000)
}

func agree(t testing.TB, in []byte) int {
	const limit = 1 << 20
	got, st, _ := readAll(in, limit, 777)
	var want []byte
	z, err := zlib.NewReader(bytes.NewReader(in))
	if err == nil {
		want, err = io.ReadAll(io.LimitReader(z, limit))
	}
	if len(got) == limit {
		require.True(t, bytes.Equal(want, got))
		return 0
	}
	require.Equal(t, err == nil, st == End, "%v %v", err, st)
	if st == End {
		require.True(t, bytes.Equal(want, got))
		return 0
	}
	// compress/flate keeps back what is in its window when it meets an error.
	n := min(len(want), len(got))
	require.True(t, bytes.Equal(want[:n], got[:n]))
	return 1
}

// Tail meets what follows the last byte wanted only as far as it is told to.
func TestTail(t *testing.T) {
	data := bytes.Repeat([]byte("abcd"), 20)
	in := compress(t, data, flate.BestCompression)
	wrong := bytes.Clone(in)
	wrong[len(wrong)-1] ^= 1
	for end, want := range map[int]Status{len(in): Broken, len(in) - 1: More, len(in) - 5: More} {
		r := NewReader(wrong, len(data), 10)
		for range len(data) / 10 {
			_, st := r.Next(10)
			require.Equal(t, More, st)
		}
		require.Equal(t, want, r.Tail(end))
	}
	r := NewReader(in, 3, 3)
	_, st := r.Next(3)
	require.Equal(t, More, st)
	require.Equal(t, More, r.Tail(len(in)), "more output is there")
}

func FuzzRead(f *testing.F) {
	for _, data := range samples()[:12] {
		for _, level := range []int{0, 1, 9} {
			f.Add(compress(f, data, level))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		agree(t, in)
		for _, limit := range []int{1, 100} {
			r := NewReader(in, limit, limit)
			if p, st := r.Next(limit); len(p) == limit && st == More {
				r.Tail(len(in))
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 4<<20) // as filtered rows of a photograph: small differences
	for i := range data {
		data[i] = byte(int8(rng.NormFloat64() * 6))
	}
	in := compress(b, data, 6)
	b.Run("own", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r := NewReader(in, len(data), 4096)
			for range len(data) / 4096 {
				if p, _ := r.Next(4096); len(p) < 4096 {
					b.Fatal("too short")
				}
			}
		}
	})
	b.Run("compress", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			z, _ := zlib.NewReader(bytes.NewReader(in))
			io.Copy(io.Discard, z)
		}
	})
}
