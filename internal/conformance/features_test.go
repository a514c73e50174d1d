package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// Features and hidden states are the stages that the comparison with the reference judges, bit for
// bit, for every family; also where other requests share the batches and chunks cut the prompt.
func TestFeaturesAreTheStages(t *testing.T) {
	for _, fixture := range []string{"qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen3_vl_moe-tiny",
		"qwen3_5_moe-tiny", "qwen-vl-small", "kimi-vl-tiny"} {
		t.Run(fixture, func(t *testing.T) {
			m, err := qwenvl.Load(filepath.Join(testdata, fixture),
				qwenvl.WithPrefillChunk(11), qwenvl.WithThreads(2))
			require.NoError(t, err)
			defer func() { require.NoError(t, m.Close()) }()
			img := qwenvl.ImageFile(filepath.Join(imagesDir, "shapes_a.png"))
			img.Name = "a.png"
			r := ask(img, qwenvl.Text("What is this?"))
			r.MaxTokens = 1
			want := newStages()
			want.run(t, m, r, nil)
			n, patches := len(want.prompt.Tokens), want.prompt.Media[0].Grid.Patches()
			layers := m.Info().Layers

			var wg sync.WaitGroup
			defer wg.Wait()
			for i := range 3 { // they share batches
				wg.Go(func() {
					other := ask(qwenvl.Image(picture(90, 60)), qwenvl.Text("Tell me a story."))
					other.MaxTokens = 30 + i
					if _, err := m.Generate(context.Background(), other); err != nil {
						t.Error(err)
					}
				})
			}
			for range 3 {
				f, err := m.Features(context.Background(), img)
				require.NoError(t, err)
				require.Equal(t, want.prompt.Media[0].Grid, f.Grid)
				require.Equal(t, patches, f.Tower.Rows)
				require.Equal(t, want.prompt.VisionTokens(), f.Adapter.Rows)
				require.Equal(t, m.Info().HiddenSize, f.Adapter.Cols)
				testkit.SameBits(t, want.rows["vision.features"], f.Tower.Data)
				testkit.SameBits(t, want.rows["vision.out"], f.Adapter.Data)
				for i, d := range f.Deep {
					testkit.SameBits(t, want.rows["vision.deepstack."+strconv.Itoa(i)], d.Data)
				}
				require.Equal(t, want.rows["vision.deepstack.0"] != nil, len(f.Deep) > 0)
				require.Equal(t, f.Tower.Data[f.Tower.Cols:2*f.Tower.Cols], f.Tower.Row(1))

				o := qwenvl.HiddenOptions{Layers: []int{layers - 1, 0}}
				h, err := m.Hidden(context.Background(), r, o)
				require.NoError(t, err)
				require.Equal(t, want.prompt.Tokens, h.Tokens)
				require.Equal(t, [2]int{n, n}, [2]int{h.Final.Rows, h.Logits.Rows})
				require.Equal(t, m.Info().HiddenSize, h.Final.Cols)
				require.Equal(t, m.Info().VocabSize, h.Logits.Cols)
				testkit.SameBits(t, want.rows["llm.norm"], h.Final.Data)
				testkit.SameBits(t, want.rows["logits"], h.Logits.Data)
				last := "llm.layer." + strconv.Itoa(layers-1)
				testkit.SameBits(t, want.rows[last], h.Layers[0].Data)
				testkit.SameBits(t, want.rows["llm.layer.0"], h.Layers[1].Data)
			}
			h, err := m.Hidden(context.Background(), r, qwenvl.HiddenOptions{NoLogits: true})
			require.NoError(t, err)
			testkit.SameBits(t, want.rows["llm.norm"], h.Final.Data)
			require.Zero(t, h.Logits)
			require.Empty(t, h.Layers)
		})
	}
}

// The logits of a prompt are the reference's.
func TestHiddenIsTheReferences(t *testing.T) {
	f, err := golden.Open(tinyDir)
	require.NoError(t, err)
	m := loadTiny(t)
	judged := 0
	for _, name := range f.Cases {
		c, err := f.Case(name)
		require.NoError(t, err)
		want, ok := c.Stage("logits")
		if !ok {
			continue
		}
		judged++
		h, err := m.Hidden(context.Background(), caseRequest(t, c), qwenvl.HiddenOptions{})
		require.NoError(t, err)
		diff, err := want.DiffFloats(h.Logits.Data, h.Logits.Rows, h.Logits.Cols)
		require.NoError(t, err)
		bound, _ := f.Bound("logits")
		require.LessOrEqual(t, diff, bound)
	}
	require.Positive(t, judged)
}

func TestFeaturesOfVideosAndTexts(t *testing.T) {
	m := loadTiny(t)
	f, err := m.Features(context.Background(), qwenvl.Video(frames(60, 60, 60), 1))
	require.NoError(t, err)
	require.Equal(t, 2, f.Grid.T)
	h, err := m.Hidden(context.Background(), ask(qwenvl.Text("no picture")), qwenvl.HiddenOptions{})
	require.NoError(t, err)
	require.Len(t, h.Tokens, h.Logits.Rows)

	text, err := qwenvl.Load(testdata + "/text-tiny/qwen3")
	require.NoError(t, err)
	defer func() { require.NoError(t, text.Close()) }()
	h, err = text.Hidden(context.Background(), ask(qwenvl.Text("x")), qwenvl.HiddenOptions{})
	require.NoError(t, err)
	require.Equal(t, len(h.Tokens), h.Final.Rows)
	var e *qwenvl.RequestError
	_, err = text.Features(context.Background(), qwenvl.Image(picture(60, 60)))
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, err, "text only")
}

func TestFeaturesRefuse(t *testing.T) {
	m := loadTiny(t, qwenvl.WithContextSize(64))
	background := context.Background()
	hidden := func(r qwenvl.Request, o qwenvl.HiddenOptions) error {
		_, err := m.Hidden(background, r, o)
		return err
	}
	features := func(p qwenvl.Part) error {
		_, err := m.Features(background, p)
		return err
	}
	limited := qwenvl.Image(picture(60, 60))
	limited.MaxPixels = -1
	data := pngBytes(t, picture(60, 60))
	damaged, text := qwenvl.ImageBytes(data[:len(data)-30]), ask(qwenvl.Text("x"))
	none := qwenvl.HiddenOptions{}
	layers := func(l ...int) qwenvl.HiddenOptions { return qwenvl.HiddenOptions{Layers: l} }
	for name, c := range map[string]struct {
		err   error
		field string
	}{
		"text":            {features(qwenvl.Text("x")), "Part"},
		"nil":             {features(qwenvl.Image(nil)), "Part"},
		"limits":          {features(limited), "Part.MaxPixels"},
		"damaged picture": {features(damaged), "Part"},
		"damaged in chat": {hidden(ask(qwenvl.Text("x"), damaged), none), "Messages[0].Parts[1]"},
		"no messages":     {hidden(qwenvl.Request{}, none), "Messages"},
		"layer -1":        {hidden(text, layers(-1)), "Layers"},
		"layer 3 of 3":    {hidden(text, layers(0, 3)), "Layers"},
		"many layers":     {hidden(text, layers(make([]int, 1<<20)...)), "Layers"},
	} {
		var e *qwenvl.RequestError
		require.ErrorAs(t, c.err, &e, name)
		require.Equal(t, c.field, e.Field, name)
		require.Less(t, len(c.err.Error()), 300, name)
	}
	long := ask(qwenvl.Text(strings.Repeat("word ", 100)))
	require.ErrorIs(t, hidden(long, none), qwenvl.ErrContextFull)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := m.Features(ctx, qwenvl.Image(picture(60, 60)))
	require.ErrorIs(t, err, context.Canceled)
	_, err = m.Hidden(ctx, ask(qwenvl.Text("x")), qwenvl.HiddenOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, features(qwenvl.Image(picture(60, 60))), "no context is needed")

	closed, err := qwenvl.Load(tinyDir)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, err = closed.Features(background, qwenvl.Image(picture(60, 60)))
	require.ErrorIs(t, err, qwenvl.ErrClosed)
	_, err = closed.Hidden(background, ask(qwenvl.Text("x")), qwenvl.HiddenOptions{})
	require.ErrorIs(t, err, qwenvl.ErrClosed)
}

func pngBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// Progress is told as for an answer, and a full damaged picture leaves others alone.
func TestDamagedPictureAmongOthers(t *testing.T) {
	m := loadTiny(t)
	data := pngBytes(t, picture(300, 200))
	bad := ask(qwenvl.ImageBytes(data[:len(data)/2]), qwenvl.Text("x"))
	n, err := m.CountTokens(bad)
	require.NoError(t, err, "its header is whole")
	require.Positive(t, n)
	want := generate(t, m, story(10))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				_, err := m.Generate(context.Background(), bad)
				var e *qwenvl.RequestError
				if !errors.As(err, &e) || e.Field != "Messages[0].Parts[0]" {
					t.Errorf("damaged: %v", err)
				}
				return
			}
			if got := generate(t, m, story(10)); got.Text != want.Text {
				t.Errorf("got %q, want %q", got.Text, want.Text)
			}
		})
	}
	wg.Wait()
	stages := map[string]int{}
	r := ask(qwenvl.Image(picture(90, 60)))
	r.Progress = func(p qwenvl.Progress) { stages[p.Stage] = p.Total }
	_, err = m.Hidden(context.Background(), r, qwenvl.HiddenOptions{})
	require.NoError(t, err)
	require.Len(t, stages, 2)
	require.Positive(t, stages["vision"])
	require.Positive(t, stages["prefill"])
}

// Timings count the making of pixels as preprocessing.
func TestPixelsCountAsPreprocessing(t *testing.T) {
	m := loadTiny(t)
	large := ask(qwenvl.Image(picture(3000, 2000)))
	small := ask(qwenvl.Image(picture(60, 60)))
	took := func(r qwenvl.Request) time.Duration { return generate(t, m, r).Timings.Preprocess }
	require.Greater(t, took(large), 3*took(small))
}

// Callers that wait hold their pictures' files and no pixels.
func TestWaitingHoldsNoPixels(t *testing.T) {
	m := loadTiny(t, qwenvl.WithMaxBatch(2), qwenvl.WithThreads(2))
	const side, callers = 2500, 24 // 18.75 MB of pixels each
	r := ask(qwenvl.ImageBytes(pngBytes(t, image.NewGray(image.Rect(0, 0, side, side)))))
	r.MaxTokens = 1
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, err := m.Generate(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	most, seen := uint64(0), 0
	for running := true; running; seen++ {
		select {
		case <-done:
			running = false
		case <-time.After(20 * time.Millisecond):
			runtime.GC() // what is left is held
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
		}
	}
	require.Greater(t, seen, 5)
	t.Logf("%d MB held at most", most>>20)
	// Two passes at a time are made: a picture as it is decoded, as RGB, and resized.
	all := callers * 3 * side * side
	require.Less(t, most, uint64(all/3), "all would be %d MB", all>>20)
}
