package preprocess

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSmartResizeTable has the sizes and token counts of the published models.
func TestSmartResizeTable(t *testing.T) {
	type size struct{ w, h, tokens int }
	for _, c := range []struct {
		w, h                 int
		release, code, third size // 28: release limits, code default; 32: third generation
	}{
		{1, 1, size{56, 56, 4}, size{56, 56, 4}, size{256, 256, 64}},
		{28, 28, size{56, 56, 4}, size{56, 56, 4}, size{256, 256, 64}},
		{70, 70, size{56, 56, 4}, size{56, 56, 4}, size{256, 256, 64}},
		{224, 224, size{224, 224, 64}, size{224, 224, 64}, size{256, 256, 64}},
		{448, 448, size{448, 448, 256}, size{448, 448, 256}, size{448, 448, 196}},
		{640, 480, size{644, 476, 391}, size{644, 476, 391}, size{640, 480, 300}},
		{1024, 768, size{1036, 756, 999}, size{1036, 756, 999}, size{1024, 768, 768}},
		{1280, 720, size{1288, 728, 1196}, size{1288, 728, 1196}, size{1280, 704, 880}},
		{1920, 1080, size{1932, 1092, 2691}, size{1316, 728, 1222}, size{1920, 1088, 2040}},
		{3840, 2160, size{3836, 2156, 10549}, size{1316, 728, 1222}, size{3840, 2176, 8160}},
		{1092, 8204, size{1092, 8204, 11427}, size{364, 2744, 1274}, size{1088, 8192, 8704}},
		{16000, 9000, size{4760, 2688, 16320}, size{1316, 728, 1222}, size{5440, 3072, 16320}},
		{27, 257, size{28, 252, 9}, size{28, 252, 9}, size{96, 800, 75}},
	} {
		for _, rule := range []struct {
			factor, lo, hi int
			want           size
		}{{28, 3136, 12845056, c.release}, {28, 3136, 1003520, c.code}, {32, 65536, 16777216, c.third}} {
			w, h, err := SmartResize(c.w, c.h, rule.factor, rule.lo, rule.hi)
			require.NoError(t, err)
			require.Equal(t, rule.want, size{w, h, w / rule.factor * (h / rule.factor)}, "%dx%d %v", c.w, c.h, rule)

			// The same through a Config, as tokens are counted.
			cfg := second(rule.lo, rule.hi)
			cfg.PatchSize = rule.factor / 2
			g, s, err := cfg.Size(c.w, c.h, Limits{})
			require.NoError(t, err)
			require.Equal(t, rule.want, size{s.W, s.H, g.Merged(2)})
		}
	}
	w, h, err := SmartResize(31, 639, 28, 0, 20*784)
	require.NoError(t, err)
	require.Equal(t, [2]int{28, 560}, [2]int{w, h})
	for _, s := range []Size{{10, 2001}, {2001, 10}, {1, 201}, {0, 5}, {5, 0}, {-1, 5}, {math.MaxInt, 1}, {math.MaxInt, math.MaxInt}, {math.MinInt, 7}} {
		var bad *SizeError
		_, _, err := SmartResize(s.W, s.H, 28, 3136, 12845056)
		require.ErrorAs(t, err, &bad)
	}
	_, _, err = SmartResize(2000, 10, 28, 3136, 12845056)
	require.NoError(t, err, "a ratio of exactly 200")
	for _, a := range [][3]int{{0, 1, 2}, {-28, 1, 2}, {28, 3, 2}, {28, -1, 2}, {28, 0, 0}, {28, 0, -5}, {28, 0, math.MaxInt}, {math.MaxInt, 1, 2}} {
		var bad *ConfigError
		_, _, err := SmartResize(64, 64, a[0], a[1], a[2])
		require.ErrorAs(t, err, &bad)
	}
}

// TestSmartResizeAsReference runs the sweeps and random cases recorded from the reference's own
// functions.
func TestSmartResizeAsReference(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(readFile(t, formats, "smart_resize.txt")))
	kinds := map[string]int{}
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		var v []int
		for _, s := range f[1:] {
			n, err := strconv.Atoi(s)
			if err != nil {
				break
			}
			v = append(v, n)
		}
		kinds[f[0]]++
		var w, h int
		var err error
		switch f[0] {
		case "sweep":
			require.Equal(t, f[4], sweep(t, v[0], v[1], v[2]), lines.Text())
			continue
		case "image":
			w, h, err = SmartResize(v[0], v[1], v[2], v[3], v[4])
		case "video":
			w, h, err = SmartResizeVideo(v[0], v[1], v[2], 2, v[3], v[4], v[5])
		}
		want := strings.Join(f[len(f)-2:], " ")
		if err != nil {
			require.Equal(t, "error error", want, lines.Text())
			continue
		}
		require.Equal(t, want, fmt.Sprint(w, h), lines.Text())
	}
	require.Equal(t, map[string]int{"sweep": 3, "image": 500, "video": 700}, kinds)
}

// sweep hashes the result for every size from 1x1 to 3000x3000.
func sweep(t *testing.T, factor, lo, hi int) string {
	sum := sha256.New()
	row := make([]byte, 0, 8*3000)
	for w := 1; w <= 3000; w++ {
		row = row[:0]
		for h := 1; h <= 3000; h++ {
			rw, rh, err := SmartResize(w, h, factor, lo, hi)
			if (max(w, h) > 200*min(w, h)) != (err != nil) {
				t.Fatalf("%dx%d: %v", w, h, err)
			}
			row = binary.LittleEndian.AppendUint32(row, uint32(rw))
			row = binary.LittleEndian.AppendUint32(row, uint32(rh))
		}
		sum.Write(row)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func FuzzSmartResize(f *testing.F) {
	f.Add(2, 640, 480, 28, 3136, 12845056)
	f.Add(5, 31, 639, 28, 0, 20*784)
	f.Add(1, 1, 200, 32, 65536, 16777216)
	f.Add(1<<20, math.MaxInt, -1, 0, 1<<28, 1)
	f.Fuzz(func(t *testing.T, frames, width, height, factor, lo, hi int) {
		check := func(w, h int, err error) {
			if err != nil {
				if w != 0 || h != 0 || !strings.HasPrefix(err.Error(), "preprocess: ") {
					t.Fatalf("%d %d %v", w, h, err)
				}
				return
			}
			if w < factor || h < factor || w%factor != 0 || h%factor != 0 || w > 1<<26 || h > 1<<26 {
				t.Fatalf("%dx%d", w, h)
			}
		}
		check(SmartResize(width, height, factor, lo, hi))
		check(SmartResizeVideo(frames, width, height, 2, factor, lo, hi))
	})
}
