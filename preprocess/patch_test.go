package preprocess

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/qwenvl/qwenvl/rope"
	"github.com/stretchr/testify/require"
)

// second is the picture processor of the second generation with the given budget.
func second(lo, hi int) Config {
	return Config{PatchSize: 14, MergeSize: 2, TemporalPatchSize: 2, MinPixels: lo, MaxPixels: hi,
		Mean: [3]float32{0.48145466, 0.4578275, 0.40821073}, Std: [3]float32{0.26862954, 0.26130258, 0.27577711}}
}

// third has a patch of 16, and a budget that counts a whole clip.
func third(lo, hi int) Config {
	half := [3]float32{0.5, 0.5, 0.5}
	return Config{PatchSize: 16, MergeSize: 2, TemporalPatchSize: 2, MinPixels: lo, MaxPixels: hi, Mean: half, Std: half,
		VideoRule: VideoWholeClip}
}

// requireClose checks values against a stage's bound (1e-6, where the fixtures state none) and
// reports the distance.
func requireClose(t *testing.T, want, got []float32, bound float64) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	most := 0.0
	for i := range want {
		d := math.Abs(float64(want[i]) - float64(got[i]))
		if !(d <= bound) {
			require.LessOrEqual(t, d, bound, "at %d: %v, want %v", i, got[i], want[i])
		}
		most = max(most, d)
	}
	t.Logf("largest difference %.2g", most)
}

// TestPixelValues compares with the reference's image processor, resampling on Pillow.
func TestPixelValues(t *testing.T) {
	for name, want := range readTensors(t, filepath.Join(formats, "pixels.safetensors.gz")) {
		t.Run(name, func(t *testing.T) {
			lim := map[string]Limits{"tall": {MinPixels: 784, MaxPixels: 12544}, "tiny": {}}[name]
			p, err := second(3136, 9408).Image(mustDecode(t, DecodeOptions{}, formats, name+".png"), lim)
			require.NoError(t, err)
			require.Equal(t, want.Shape, []int{p.N, p.Dim})
			requireClose(t, want.floats(), p.Data, 1e-6)
		})
	}
}

type content struct {
	Type  string   `json:"type"`
	Image string   `json:"image"`
	Video []string `json:"video"`
}

type fixtureCase struct {
	Messages []struct {
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Processor struct {
		MinPixels int `json:"min_pixels"`
		MaxPixels int `json:"max_pixels"`
	} `json:"processor"`
}

// TestFixtures runs every case of the fixtures kept in testdata, and of all families where they lie
// beside the repository: grids exactly, values within 1e-6, in the family's own layout.
func TestFixtures(t *testing.T) {
	clip := second(0, 0)
	square := Config{PatchSize: 14, MergeSize: 1, TemporalPatchSize: 1, Mean: clip.Mean, Std: clip.Std, Resize: ResizeSquare}
	limit := third(0, 0)
	limit.PatchSize, limit.TemporalPatchSize, limit.Resize, limit.MaxPatches, limit.Order = 14, 1, ResizePatchLimit, 80, OrderRaster
	clips := third(4096, 10240)
	clips.VideoMinPixels, clips.VideoMaxPixels = 4096, 42000
	small, grid := square, square
	small.Side, grid.Side = 112, 18*14
	families := []struct {
		folder string
		cfg    Config
	}{
		{"qwen2_vl-tiny", second(3136, 9408)}, {"qwen2_5_vl-tiny", second(3136, 12544)}, {"qwen2_5_vl-bf16-sharded", second(3136, 12544)},
		{"qwen3_vl-tiny", clips}, {"qwen3_vl_moe-tiny", clips},
		{"qwen3_5-tiny", clips}, {"qwen3_5_moe-tiny", clips},
		{"kimi-vl-tiny", limit}, {"qwen-vl-tiny", small}, {"qwen-vl-tiny-grid", grid},
	}
	compared := 0
	for _, root := range []struct{ fixtures, images string }{{"../testdata", "../testdata/images"}, {"../../shared/fixtures", "../../shared/images"}} {
		for _, family := range families {
			cases, err := filepath.Glob(filepath.Join(root.fixtures, family.folder, "cases", "*", "case.json"))
			require.NoError(t, err)
			for _, path := range cases {
				t.Run(family.folder+"/"+filepath.Base(filepath.Dir(path)), func(t *testing.T) {
					compared += runCase(t, family.folder, family.cfg, root.images, filepath.Dir(path))
				})
			}
		}
	}
	require.NotZero(t, compared)
}

func runCase(t *testing.T, folder string, cfg Config, images, dir string) (compared int) {
	var c fixtureCase
	require.NoError(t, json.Unmarshal(readFile(t, dir, "case.json"), &c))
	want := readTensors(t, filepath.Join(dir, "expected.safetensors"))
	lim := Limits{c.Processor.MinPixels, c.Processor.MaxPixels}
	var still, clip []float32
	var stillGrid, clipGrid []int
	for _, m := range c.Messages {
		var parts []content
		if json.Unmarshal(m.Content, &parts) != nil {
			continue // a plain string
		}
		for _, part := range parts {
			switch part.Type {
			case "image":
				p, err := cfg.Image(mustDecode(t, DecodeOptions{}, images, part.Image), lim)
				require.NoError(t, err)
				still, stillGrid = append(still, p.Data...), append(stillGrid, p.Grid.T, p.Grid.H, p.Grid.W)
			case "video":
				var frames []*Image
				for _, f := range part.Video {
					frames = append(frames, mustDecode(t, DecodeOptions{}, images, f))
				}
				p, err := cfg.Video(frames, lim)
				require.NoError(t, err)
				clip, clipGrid = append(clip, p.Data...), append(clipGrid, p.Grid.T, p.Grid.H, p.Grid.W)
			}
		}
	}
	if cfg.Resize == ResizeSquare && len(still) > 0 {
		still = planes(still, cfg)
	}
	for _, g := range []struct {
		name string
		grid []int
	}{{"image_grid_thw", stillGrid}, {"video_grid_thw", clipGrid}} {
		if w, ok := want[g.name]; ok {
			require.Equal(t, w.ints(), g.grid, g.name)
			compared++
		}
	}
	for _, v := range []struct {
		name   string
		values []float32
	}{{"pixel_values", still}, {"pixel_values_videos", clip}} {
		if w, ok := want[v.name]; ok {
			requireClose(t, w.floats(), v.values, 1e-6)
			compared++
		}
	}
	return compared
}

// planes puts patches in raster order back into pictures [n, 3, side, side].
func planes(data []float32, cfg Config) []float32 {
	side, ps := cfg.Side, cfg.PatchSize
	out := make([]float32, len(data))
	for i, v := range data {
		x, y, ch, patch := i%ps, i/ps%ps, i/(ps*ps)%3, i/(3*ps*ps)
		per := side / ps
		px, py, n := patch%per, patch/per%per, patch/(per*per)
		out[((n*3+ch)*side+py*ps+y)*side+px*ps+x] = v
	}
	return out
}

// TestPatchOrder reads the order off pictures whose samples name their place.
func TestPatchOrder(t *testing.T) {
	cfg := Config{PatchSize: 1, MergeSize: 2, TemporalPatchSize: 2, MinPixels: 1, MaxPixels: 1000, Std: [3]float32{1, 1, 1}, RescaleFactor: 1}
	m := NewImage(4, 4)
	for i := range 16 {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = uint8(i), uint8(100+i), uint8(200+i)
	}
	p, err := cfg.Image(m, Limits{})
	require.NoError(t, err)
	require.Equal(t, rope.Grid{T: 1, H: 4, W: 4}, p.Grid)
	for row, at := range []int{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15} {
		r, g, b := float32(at), float32(100+at), float32(200+at)
		require.Equal(t, []float32{r, r, g, g, b, b}, p.Data[6*row:6*row+6])
	}
	cfg.Order = OrderRaster
	p, err = cfg.Image(m, Limits{})
	require.NoError(t, err)
	for row := range 16 {
		require.Equal(t, float32(row), p.Data[6*row])
	}
}

// TestVideo checks slots in time, and that an odd clip is the even one with its last frame
// repeated.
func TestVideo(t *testing.T) {
	cfg := second(3136, 9408)
	frames := []*Image{noise(70, 60), noise(70, 60), noise(70, 60)}
	for i, f := range frames {
		for j := range f.Pix {
			f.Pix[j] += uint8(40 * i)
		}
	}
	odd, err := cfg.Video(frames, Limits{})
	require.NoError(t, err)
	even, err := cfg.Video([]*Image{frames[0], frames[1], frames[2], frames[2]}, Limits{})
	require.NoError(t, err)
	require.Equal(t, even, odd)
	require.Equal(t, 2, odd.Grid.T)
	for i, f := range frames { // slot 0 of a step is the still picture's slot 0
		still, err := cfg.Image(f, Limits{})
		require.NoError(t, err)
		area := 14 * 14
		for row := range still.N {
			for ch := range 3 {
				a := still.Data[row*still.Dim+2*ch*area:][:area]
				b := odd.Data[(i/2*still.N+row)*odd.Dim+(2*ch+i%2)*area:][:area]
				require.Equal(t, a, b)
			}
		}
	}
	one, err := cfg.Video(frames[:1], Limits{})
	require.NoError(t, err)
	still, err := cfg.Image(frames[0], Limits{})
	require.NoError(t, err)
	require.Equal(t, still, one)

	var bad *SizeError
	_, err = cfg.Video(nil, Limits{})
	require.ErrorAs(t, err, &bad)
	_, err = cfg.Video([]*Image{noise(70, 60), noise(60, 70)}, Limits{})
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "frame 1")
}

// TestWholeClipBudget: longer clips get smaller frames.
func TestWholeClipBudget(t *testing.T) {
	cfg := third(4096, 1<<20)
	a, _, err := cfg.VideoSize(2, 640, 480, Limits{})
	require.NoError(t, err)
	b, s, err := cfg.VideoSize(64, 640, 480, Limits{})
	require.NoError(t, err)
	require.Greater(t, a.H*a.W, b.H*b.W)
	require.LessOrEqual(t, 64*s.W*s.H, 1<<20)
	g, _, err := cfg.VideoSize(1, 640, 480, Limits{})
	require.NoError(t, err, "a clip of one frame")
	require.Equal(t, 1, g.T)
}

func TestPatchLimitPads(t *testing.T) {
	cfg := Config{PatchSize: 14, MergeSize: 2, TemporalPatchSize: 1, Std: [3]float32{1, 1, 1}, RescaleFactor: 1, Resize: ResizePatchLimit, MaxPatches: 4096, Order: OrderRaster}
	m := noise(30, 20)
	m.Pad = [3]uint8{9, 8, 7}
	p, err := cfg.Image(m, Limits{})
	require.NoError(t, err)
	require.Equal(t, Size{56, 28}, p.Resized)
	require.Equal(t, Size{30, 20}, p.Original)
	last := p.Data[len(p.Data)-p.Dim:]
	require.Equal(t, []float32{9, 8, 7}, []float32{last[0], last[196], last[392]})
	require.Equal(t, float32(m.Pix[0]), p.Data[0])
	var bad *SizeError
	cfg.PatchSize = 1
	_, _, err = cfg.Size(1<<24, 1<<24, Limits{})
	require.NoError(t, err)
	cfg.PatchSize, cfg.MergeSize = 256, 16
	_, _, err = cfg.Size(0, 1, Limits{})
	require.ErrorAs(t, err, &bad)
}

func TestLimits(t *testing.T) {
	cfg := second(3136, 12845056)
	g, _, err := cfg.Size(1000, 1000, Limits{MaxPixels: 28 * 28 * 16})
	require.NoError(t, err)
	require.Equal(t, 16, g.Merged(2))
	g, _, err = cfg.Size(30, 30, Limits{MinPixels: 28 * 28 * 100})
	require.NoError(t, err)
	require.Equal(t, 100, g.Merged(2))
	var bad *ConfigError
	for _, lim := range []Limits{{MinPixels: -1}, {MaxPixels: -1}, {MaxPixels: 1}, {MinPixels: math.MaxInt}, {MaxPixels: math.MaxInt}} {
		_, _, err = cfg.Size(30, 30, lim)
		require.ErrorAs(t, err, &bad)
	}
}

// Limits of tokens on clips of 300x200: frames, and what the reference makes of them.
func TestVideoMaxTokens(t *testing.T) {
	for _, c := range []struct {
		tokens        int
		second, third [5]rope.Grid
	}{
		{1, [5]rope.Grid{{T: 1, H: 2, W: 4}, {T: 2, H: 2, W: 4}, {T: 3, H: 2, W: 4}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}},
			[5]rope.Grid{{T: 1, H: 2, W: 4}, {T: 2, H: 2, W: 4}, {T: 3, H: 2, W: 4}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}}},
		{9, [5]rope.Grid{{T: 1, H: 4, W: 6}, {T: 2, H: 2, W: 4}, {T: 3, H: 2, W: 4}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}},
			[5]rope.Grid{{T: 1, H: 4, W: 6}, {T: 2, H: 4, W: 6}, {T: 3, H: 4, W: 6}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}}},
		{40, [5]rope.Grid{{T: 1, H: 8, W: 14}, {T: 2, H: 8, W: 12}, {T: 3, H: 6, W: 8}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}},
			[5]rope.Grid{{T: 1, H: 8, W: 12}, {T: 2, H: 6, W: 8}, {T: 3, H: 4, W: 6}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}}},
		{768, [5]rope.Grid{{T: 1, H: 12, W: 18}, {T: 2, H: 12, W: 18}, {T: 3, H: 12, W: 18}, {T: 8, H: 12, W: 18}, {T: 32, H: 6, W: 10}},
			[5]rope.Grid{{T: 1, H: 8, W: 12}, {T: 2, H: 6, W: 8}, {T: 3, H: 4, W: 6}, {T: 8, H: 2, W: 4}, {T: 32, H: 2, W: 4}}},
	} {
		for i, frames := range []int{2, 3, 5, 16, 64} {
			a, b := second(4096, 50000), third(4096, 50000)
			a.VideoMaxTokens, b.VideoMaxTokens = c.tokens, c.tokens
			g, _, err := a.VideoSize(frames, 300, 200, Limits{})
			require.NoError(t, err)
			require.Equal(t, c.second[i], g, "%d frames, %d tokens", frames, c.tokens)
			g, _, err = b.VideoSize(frames, 300, 200, Limits{})
			require.NoError(t, err)
			require.Equal(t, c.third[i], g, "%d frames, %d tokens", frames, c.tokens)
		}
	}
	wide := second(0, 1<<28)
	wide.VideoMaxTokens, wide.PatchSize, wide.MergeSize = 1<<24, 256, 16
	for _, rule := range []VideoRule{VideoPerFrame, VideoWholeClip} { // nothing overflows
		wide.VideoRule = rule
		_, s, err := wide.VideoSize(1<<20, 1<<24, 1<<24, Limits{})
		require.NoError(t, err)
		require.Equal(t, Size{4096, 4096}, Size{min(s.W, 4096), min(s.H, 4096)})
	}
}

// A budget of a checkpoint without room is used as the reference does; that of a request is refused.
func TestBudgetWithoutRoom(t *testing.T) {
	cfg := second(12544, 9408)
	for size, want := range map[Size]Size{
		{300, 200}: {112, 56}, {52, 38}: {140, 112}, {100, 100}: {84, 84}, {64, 640}: {28, 280},
	} {
		_, got, err := cfg.Size(size.W, size.H, Limits{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	var bad *ConfigError
	_, _, err := cfg.Size(300, 200, Limits{MaxPixels: 9408})
	require.ErrorAs(t, err, &bad)
}

// Samples of clips have means and deviations of their own where the Config has them.
func TestVideoSamples(t *testing.T) {
	cfg := Config{PatchSize: 1, MergeSize: 2, TemporalPatchSize: 2, MinPixels: 1, MaxPixels: 1000, Std: [3]float32{1, 1, 1},
		VideoMean: [3]float32{1, 2, 3}, VideoStd: [3]float32{2, 2, 4}, VideoRescaleFactor: 0.5}
	img := NewImage(2, 2)
	for i := range img.Pix {
		img.Pix[i] = 10
	}
	p, err := cfg.Video([]*Image{img, img}, Limits{})
	require.NoError(t, err)
	require.Equal(t, []float32{2, 2, 1.5, 1.5, 0.5, 0.5}, p.Data[:p.Dim])
	p, err = cfg.Image(img, Limits{})
	require.NoError(t, err)
	require.InDelta(t, 10.0/255, p.Data[0], 1e-7)
}

func TestValidate(t *testing.T) {
	require.NoError(t, second(3136, 12845056).Validate())
	for name, change := range map[string]func(*Config, int){
		"patch_size": func(c *Config, v int) { c.PatchSize = v }, "merge_size": func(c *Config, v int) { c.MergeSize = v },
		"temporal_patch_size": func(c *Config, v int) { c.TemporalPatchSize = v }, "max_pixels": func(c *Config, v int) { c.MaxPixels = v },
		"image_size":     func(c *Config, v int) { c.Resize, c.Side = ResizeSquare, v },
		"in_token_limit": func(c *Config, v int) { c.Resize, c.MaxPatches = ResizePatchLimit, v },
	} {
		for _, v := range []int{0, -1, math.MaxInt32, math.MaxInt, math.MinInt} {
			cfg := second(3136, 12845056)
			change(&cfg, v)
			var bad *ConfigError
			require.ErrorAs(t, cfg.Validate(), &bad, "%s %d", name, v)
			require.Equal(t, name, bad.Field)
			_, err := cfg.Image(NewImage(5, 5), Limits{})
			require.ErrorAs(t, err, &bad)
		}
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Std[1] = 0 }, func(c *Config) { c.Std[1] = float32(math.NaN()) }, func(c *Config) { c.Mean[2] = float32(math.Inf(1)) },
		func(c *Config) { c.RescaleFactor = -1 }, func(c *Config) { c.RescaleFactor = math.NaN() }, func(c *Config) { c.Resize = 9 },
		func(c *Config) { c.VideoRule = 9 }, func(c *Config) { c.Order = -1 }, func(c *Config) { c.MinPixels = -1 },
		func(c *Config) { c.VideoMaxPixels = -3 }, func(c *Config) { c.VideoMinPixels = 1 << 29 },
		func(c *Config) { c.VideoMaxTokens = -1 }, func(c *Config) { c.VideoMaxTokens = 1 << 25 }, func(c *Config) { c.VideoMaxTokens = math.MinInt },
		func(c *Config) { c.VideoStd[2] = 1 }, func(c *Config) { c.VideoStd = c.Std; c.VideoMean[0] = float32(math.NaN()) },
		func(c *Config) { c.VideoStd = c.Std; c.VideoRescaleFactor = -1 },
	} {
		cfg := second(3136, 12845056)
		change(&cfg)
		var bad *ConfigError
		require.ErrorAs(t, cfg.Validate(), &bad)
	}
}

func BenchmarkImage(b *testing.B) {
	data, err := os.ReadFile(filepath.Join(formats, "photo_420.jpg"))
	require.NoError(b, err)
	small, err := Decode(data, DecodeOptions{})
	require.NoError(b, err)
	photo := Resize(small, 1344, 980)
	cfg := second(3136, 12845056)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cfg.Image(photo, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
