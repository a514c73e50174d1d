package qwenvl_test

// Requests, messages and parts as JSON: all of them is there, or there is an error.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/preprocess"
)

// again is a value through its JSON and back; the JSON stays the same.
func again[T any](t *testing.T, v T) (out T, text string) {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &out), "%s", data)
	second, err := json.Marshal(out)
	require.NoError(t, err)
	require.Equal(t, string(data), string(second))
	return out, string(data)
}

// jpegPicture is a picture in the planes of a JPEG.
func jpegPicture(t testing.TB) image.Image {
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, picture(90, 61), nil))
	m, err := jpeg.Decode(&b)
	require.NoError(t, err)
	return m
}

// The form is what is documented.
func TestPartJSON(t *testing.T) {
	clip := qwenvl.VideoClip{
		Frames: []image.Image{picture(1, 1)}, Times: []time.Duration{1500 * time.Millisecond}, Duration: time.Minute + 1,
	}
	named := qwenvl.ImageFile("a.jpg")
	named.Name = ""
	limited := qwenvl.Text("x")
	limited.Name, limited.MinPixels, limited.MaxPixels = "n", 1, -2
	pixel := `{"media_type":"image/png","data":"` + base64.StdEncoding.EncodeToString(pixelPNG(t)) + `"}`
	for want, p := range map[string]qwenvl.Part{
		`{"type":"text","text":"a\u003c\"é\n"}`:                                                qwenvl.Text("a<\"é\n"),
		`{"type":"text","text":""}`:                                                            {},
		`{"type":"text","data":"YQD/"}`:                                                        qwenvl.Text("a\x00\xff"),
		`{"type":"text","text":"x","name":"n","min_pixels":1,"max_pixels":-2}`:                 limited,
		`{"type":"image","path":"a.jpg"}`:                                                      qwenvl.ImageFile("a.jpg"),
		`{"type":"image","path":"a.jpg","name":""}`:                                            named,
		`{"type":"image","url":"https://host/a.jpg"}`:                                          qwenvl.ImageURL("https://host/a.jpg"),
		`{"type":"image","media_type":"image/gif","data":"R0lGODlh"}`:                          qwenvl.ImageBytes([]byte("GIF89a")),
		`{"type":"image","data":"/w=="}`:                                                       qwenvl.ImageBytes([]byte{255}),
		`{"type":"image","data":""}`:                                                           qwenvl.ImageBytes(nil),
		`{"type":"image",` + pixel[1:]:                                                         qwenvl.Image(picture(1, 1)),
		`{"type":"image","media_type":"image/bmp","data":"Qk0="}`:                              qwenvl.ImageReader(strings.NewReader("BM")),
		`{"type":"video","frames":[` + pixel + `],"fps":0.1}`:                                  qwenvl.Video([]image.Image{picture(1, 1)}, 0.1),
		`{"type":"video","frames":[],"fps":-1}`:                                                qwenvl.Video(nil, -1),
		`{"type":"video","frames":[],"times":[],"duration":0}`:                                 qwenvl.Video(nil, 0),
		`{"type":"video","frames":[` + pixel + `],"times":[1.5],"duration":60.000000001}`:      qwenvl.Clip(clip),
		`{"type":"video","frames":[],"times":[-0.000000001],"duration":-9223372036.854775808}`: qwenvl.Clip(qwenvl.VideoClip{Times: []time.Duration{-1}, Duration: math.MinInt64}),
	} {
		got, err := json.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		_, text := again(t, p)
		require.Equal(t, want, text)
	}
	for i, d := range []string{"webp", "avif", "heic"} {
		data := [][]byte{[]byte("RIFF0000WEBP"), []byte("0000ftypavif"), []byte("0000ftypheic")}[i]
		_, text := again(t, qwenvl.ImageBytes(data))
		require.Contains(t, text, `"image/`+d+`"`)
	}
}

func pixelPNG(t testing.TB) []byte {
	data, err := json.Marshal(qwenvl.Image(picture(1, 1)))
	require.NoError(t, err)
	var p struct{ Data []byte }
	require.NoError(t, json.Unmarshal(data, &p))
	return p.Data
}

// A conversation that was kept as JSON gives the answer that it gave before, whatever its pictures
// were made of, for families that treat pictures alike and for those that do not.
func TestKeptConversation(t *testing.T) {
	palette := image.NewPaletted(image.Rect(-3, 2, 60, 45), color.Palette{color.NRGBA{200, 10, 30, 9}, color.White})
	gray16 := image.NewGray16(image.Rect(5, 5, 75, 60))
	nrgba := image.NewNRGBA(image.Rect(0, 0, 80, 50))
	nrgba64 := image.NewNRGBA64(image.Rect(0, 0, 80, 50))
	cmyk := image.NewCMYK(image.Rect(0, 0, 80, 50))
	for _, pix := range [][]byte{palette.Pix, gray16.Pix, nrgba.Pix, nrgba64.Pix, cmyk.Pix} {
		for i := range pix {
			pix[i] = byte(i * 29 / 5)
		}
	}
	for i := range palette.Pix {
		palette.Pix[i] %= 3 // the last one is behind the palette
	}
	premultiplied := picture(64, 40)
	other := odd{nrgba64}
	parts := []qwenvl.Part{
		qwenvl.Image(palette), qwenvl.Image(gray16), qwenvl.Image(nrgba), qwenvl.Image(nrgba64), qwenvl.Image(cmyk),
		qwenvl.Image(premultiplied), qwenvl.Image(other), qwenvl.Image(jpegPicture(t)), qwenvl.Image(image.NewGray(image.Rect(0, 0, 70, 70))),
		qwenvl.Image(premultiplied.SubImage(image.Rect(10, 3, 60, 39))),
		qwenvl.ImageBytes(pngBytes(t, nrgba)), qwenvl.ImageReader(bytes.NewReader(pngBytes(t, gray16))),
		qwenvl.ImageURL("data:," + strings.ReplaceAll(string(pngBytes(t, picture(30, 40))), "%", "%25")),
	}
	// A raw data: URL is not UTF-8, which JSON cannot hold.
	_, err := json.Marshal(parts[len(parts)-1])
	require.ErrorContains(t, err, "UTF-8")
	parts[len(parts)-1] = qwenvl.ImageURL("data:;base64," + base64.StdEncoding.EncodeToString(pngBytes(t, picture(30, 40))))
	video := qwenvl.Video([]image.Image{jpegPicture(t), jpegPicture(t), picture(90, 61)}, 3)
	clip := qwenvl.Clip(qwenvl.VideoClip{
		Frames: []image.Image{picture(60, 61), picture(60, 61)}, Times: []time.Duration{3, 7e9 + 1}, Duration: 8e9,
	})

	options := []preprocess.DecodeOptions{{}, {Alpha: preprocess.AlphaWhite, Gray16: preprocess.Gray16Clip}}
	for _, dir := range []string{tinyDir, "testdata/kimi-vl-tiny"} {
		for _, o := range options {
			m, err := qwenvl.Load(dir, qwenvl.WithDecodeOptions(o))
			require.NoError(t, err)
			moving := parts
			if m.Info().Videos {
				moving = append([]qwenvl.Part{video, clip}, parts...)
			}
			for i, p := range moving {
				p.MaxPixels = 9000
				r := ask(qwenvl.Text("x"), p)
				kept, text := again(t, r)
				require.NotContains(t, text, "Progress")
				want, got := pixels(t, m, r), pixels(t, m, kept)
				require.NotEmpty(t, want)
				require.Equal(t, want, got, "%s: part %d: %v", dir, i, p)
			}
			require.NoError(t, m.Close())
		}
	}
}

// odd is a picture of a type that nobody knows.
type odd struct{ image.Image }

// pixels is what the tower gets to read, and the prompt's text.
func pixels(t *testing.T, m *qwenvl.Model, r qwenvl.Request) (out []any) {
	h := &hooks.Hooks{
		Pixels: func(_ int, p *preprocess.Patches) { out = append(out, p.Grid, p.Data) },
		Prompt: func(p *processor.Prompt) { out = append(out, p.Text, p.Tokens, p.Positions) },
	}
	r.MaxTokens = 1
	_, err := m.Generate(hooks.With(context.Background(), h), r)
	require.NoError(t, err)
	return out
}

func TestRequestJSON(t *testing.T) {
	r := qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.System("s"), qwenvl.User(), qwenvl.User(qwenvl.Text("a"), qwenvl.ImageFile("b"))},
		MaxTokens: 7, Sampling: &qwenvl.Sampling{Temperature: 0.1, Seed: math.MaxUint64}, Stop: []string{"\n", ""},
		MinPixels: 1, MaxPixels: math.MaxInt, ContinueFinal: true,
		Template: map[string]any{
			"n": json.Number("12345678901234567890"), "s": "é", "l": []any{nil, true, map[string]any{"b": json.Number("1"), "a": json.Number("1.0")}},
		},
		Tools:    []json.RawMessage{json.RawMessage(`{"b":1.0,"a":[1e5]}`)},
		Progress: func(qwenvl.Progress) {},
	}
	got, text := again(t, r)
	r.Progress = nil
	r.Messages[1].Parts = nil
	require.Equal(t, r, got)
	require.Contains(t, text, `{"role":"user","content":[]}`)
	require.Contains(t, text, `"max_tokens":7`)
	_, text = again(t, qwenvl.Request{})
	require.Equal(t, `{"messages":[]}`, text)

	// Each value of a sampling by its key, and no other.
	all := qwenvl.Sampling{
		Temperature: 1, TopK: 2, TopP: 3, MinP: 4, RepetitionPenalty: 5, PresencePenalty: 6, FrequencyPenalty: 7, Seed: 8,
		TopH: 9, TypicalP: 10, EpsilonCutoff: 11, EtaCutoff: 12, NoRepeatNGram: 13, MinTokens: 14,
		Rules: &qwenvl.SamplingRules{
			SequenceBias: []qwenvl.SequenceBias{{Tokens: []int{1}, Bias: -2}}, BadWords: [][]int{{3}}, SuppressTokens: []int{4},
			BeginSuppressTokens: []int{5}, EncoderRepetitionPenalty: 6, EncoderNoRepeatNGram: 7, MinLength: 8, ForcedBOS: []int{9},
			ForcedEOS: []int{10}, DecayStart: 11, DecayFactor: 12,
		},
	}
	for _, v := range []any{all, *all.Rules} {
		for i := range reflect.TypeOf(v).NumField() {
			require.False(t, reflect.ValueOf(v).Field(i).IsZero(), "%T has a field that the test does not know", v)
		}
	}
	sampling, text := again(t, all)
	require.Equal(t, all, sampling)
	require.Regexp(t, `^{"temperature":1,"top_k":2,.*"rules":{"sequence_bias":\[{"tokens":\[1\],"bias":-2}\],`, text)
	require.NotRegexp(t, `[A-Z]`, text)
	greedy, text := again(t, qwenvl.Request{Sampling: qwenvl.Greedy()})
	require.Equal(t, qwenvl.Greedy(), greedy.Sampling)
	require.Equal(t, `{"messages":[],"sampling":{}}`, text)

	// A content may be a string.
	var m qwenvl.Message
	require.NoError(t, json.Unmarshal([]byte(`{"content": "x", "role": "assistant"}`), &m))
	require.Equal(t, qwenvl.Assistant(qwenvl.Text("x")), m)
	// Within other things.
	kept, _ := again(t, map[string][]qwenvl.Message{"c": {qwenvl.System("x"), m}})
	require.Equal(t, []qwenvl.Message{qwenvl.System("x"), m}, kept["c"])
}

// What JSON cannot hold is an error, not something else.
func TestMarshalRefuses(t *testing.T) {
	broken := errors.New("line cut")
	name := qwenvl.Text("x")
	name.Name = "\xff"
	with := func(f func(*qwenvl.Request)) qwenvl.Request { r := ask(qwenvl.Text("x")); f(&r); return r }
	for what, v := range map[string]any{
		"name":             name,
		"path":             qwenvl.ImageFile("\xff"),
		"role":             qwenvl.Message{Role: "\xff"},
		"stop":             with(func(r *qwenvl.Request) { r.Stop = []string{"\xff"} }),
		"variable":         with(func(r *qwenvl.Request) { r.Template = map[string]any{"a": []any{map[string]any{"b": "\xff"}}} }),
		"variable's name":  with(func(r *qwenvl.Request) { r.Template = map[string]any{"\xff": 1} }),
		"key of variable":  with(func(r *qwenvl.Request) { r.Template = map[string]any{"a": map[string]any{"\xff": 1}} }),
		"NaN":              with(func(r *qwenvl.Request) { r.Template = map[string]any{"a": math.NaN()} }),
		"temperature":      with(func(r *qwenvl.Request) { r.Sampling = &qwenvl.Sampling{Temperature: math.NaN()} }),
		"tool":             with(func(r *qwenvl.Request) { r.Tools = []json.RawMessage{[]byte("{")} }),
		"rate":             qwenvl.Video(nil, math.Inf(1)),
		"nil picture":      qwenvl.Image(nil),
		"nil pointer":      qwenvl.Image((*image.RGBA)(nil)),
		"empty picture":    qwenvl.Image(picture(0, 0)),
		"huge picture":     qwenvl.Image(&image.Uniform{C: color.White}),
		"short picture":    qwenvl.Image(&image.RGBA{Stride: 40, Rect: image.Rect(0, 0, 10, 10)}),
		"nil frame":        qwenvl.Video([]image.Image{picture(9, 9), nil}, 1),
		"nil reader":       qwenvl.ImageReader(nil),
		"broken reader":    qwenvl.ImageReader(iotest.ErrReader(broken)),
		"message's reader": qwenvl.User(qwenvl.Text("x"), qwenvl.ImageReader(iotest.ErrReader(broken))),
	} {
		_, err := json.Marshal(v)
		require.Error(t, err, what)
		require.Less(t, len(err.Error()), 400, what)
	}
	_, err := json.Marshal(ask(qwenvl.Text("x"), qwenvl.ImageReader(iotest.ErrReader(broken))))
	require.ErrorIs(t, err, broken)
	var e *qwenvl.RequestError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "Messages[0].Parts[1]", e.Field)
}

// What is not understood is not passed over.
func TestUnmarshalRefuses(t *testing.T) {
	const request, message, part = "Request", "Messages[0]", "Messages[0].Parts[0]"
	wrap := func(p string) string { return `{"messages":[{"role":"user","content":[` + p + `]}]}` }
	for text, want := range map[string]struct{ field, problem string }{
		`[]`:                               {request, "bad JSON"},
		`{}`:                               {request, "without messages"},
		`{"messages":{}}`:                  {request, "not a list"},
		`{"messages":[],"messages":[]}`:    {request, `"messages" twice`},
		`{"Messages":[],"messages":[]}`:    {request, `unknown key "Messages"`},
		`{"messages":[],"seed":1}`:         {request, `unknown key "seed"`},
		`{"messages":[],"max_tokens":1.5}`: {request, "max_tokens"},
		`{"messages":[],"max_tokens":"1"}`: {request, "max_tokens"},
		`{"messages":[],"max_pixels":1e3}`: {request, "max_pixels"},
		`{"messages":[],"min_pixels":99999999999999999999}`:           {request, "min_pixels"},
		`{"messages":[],"sampling":{"heat":1}}`:                       {"Sampling", "heat"},
		`{"messages":[],"sampling":{"top_k":1,"top_k":2}}`:            {request, "twice"},
		`{"messages":[],"sampling":{"rules":{"x":1}}}`:                {"Sampling", `"x"`},
		`{"messages":[],"sampling":{"top_k":1,"Top_K":2}}`:            {"Sampling", `unknown key "Top_K"`},
		`{"messages":[],"sampling":[]}`:                               {"Sampling", "a JSON array is none"},
		`{"messages":[],"sampling":{"top_k":"1"}}`:                    {"Sampling", "top_k: a JSON string in place of int"},
		`{"messages":[],"stop":"x"}`:                                  {request, "stop"},
		`{"messages":[],"stop":[1]}`:                                  {request, "stop"},
		`{"messages":[],"template":[]}`:                               {request, "template"},
		`{"messages":[],"template":{"a":{"b":1,"b":2}}}`:              {request, `"b" twice`},
		`{"messages":[],"tools":{}}`:                                  {request, "tools"},
		`{"messages":[],"tools":[{"a":1,"a":2}]}`:                     {request, `"a" twice`},
		`{"messages":[],"continue_final":1}`:                          {request, "continue_final"},
		`{"messages":[1]}`:                                            {message, "bad JSON"},
		`{"messages":[{"role":"user"}]}`:                              {message, "without content"},
		`{"messages":[{"content":[]}]}`:                               {message, "without role"},
		`{"messages":[{"role":1,"content":[]}]}`:                      {message, "role"},
		`{"messages":[{"role":"user","content":null}]}`:               {message, "not a list"},
		`{"messages":[{"role":"user","content":"x","n":1}]}`:          {message, `unknown key "n"`},
		`{"messages":[{"role":"user","content":[],"tool_calls":[]}]}`: {message, "tool_calls"},
		wrap(`"x"`):                        {part, "bad JSON"},
		wrap(`{}`):                         {part, "without type"},
		wrap(`{"text":"x"}`):               {part, "without type"},
		wrap(`{"type":"audio","data":""}`): {part, `unknown type "audio"`},
		wrap(`{"type":"image_url","image_url":{}}`):                                              {part, `unknown type "image_url"`},
		wrap(`{"type":"text"}`):                                                                  {part, "without text"},
		wrap(`{"type":"text","text":null}`):                                                      {part, "text"},
		wrap(`{"type":"text","text":"x","path":"y"}`):                                            {part, `"path"`},
		wrap(`{"type":"text","text":"x","data":""}`):                                             {part, `"data"`},
		wrap(`{"type":"text","text":"\ud800"}`):                                                  {request, "surrogate"},
		wrap("{\"type\":\"text\",\"text\":\"\xff\"}"):                                            {request, "UTF-8"},
		wrap(`{"type":"text","text":"x","detail":"low"}`):                                        {part, `"detail"`},
		wrap(`{"type":"image"}`):                                                                 {part, "without path, url or data"},
		wrap(`{"type":"image","image":"a.png"}`):                                                 {part, "without path, url or data"},
		wrap(`{"type":"image","path":"a","data":""}`):                                            {part, `"data"`},
		wrap(`{"type":"image","path":"a","url":"b"}`):                                            {part, `"url"`},
		wrap(`{"type":"image","data":"a"}`):                                                      {part, "base64"},
		wrap(`{"type":"image","data":"a-_="}`):                                                   {part, "base64"},
		wrap(`{"type":"image","data":[1]}`):                                                      {part, "not a string"},
		wrap(`{"type":"image","data":"","media_type":1}`):                                        {part, "media_type"},
		wrap(`{"type":"image","data":"","name":1}`):                                              {part, "name"},
		wrap(`{"type":"image","data":"","fps":1}`):                                               {part, `"fps"`},
		wrap(`{"type":"video"}`):                                                                 {part, "without frames"},
		wrap(`{"type":"video","frames":[]}`):                                                     {part, "without times"},
		wrap(`{"type":"video","frames":[],"fps":"2"}`):                                           {part, "fps"},
		wrap(`{"type":"video","frames":[],"fps":1e999}`):                                         {part, "fps"},
		wrap(`{"type":"video","frames":[],"fps":1,"times":[]}`):                                  {part, `"times"`},
		wrap(`{"type":"video","frames":[],"times":[]}`):                                          {part, "without duration"},
		wrap(`{"type":"video","frames":[],"times":["1"],"duration":1}`):                          {part, "times"},
		wrap(`{"type":"video","frames":[],"times":[1e99],"duration":1}`):                         {part, "times"},
		wrap(`{"type":"video","frames":[],"times":[],"duration":9e18}`):                          {part, "duration"},
		wrap(`{"type":"video","frames":[],"times":[],"duration":99999999999}`):                   {part, "duration"},
		wrap(`{"type":"video","frames":[],"times":[],"duration":null}`):                          {part, "duration"},
		wrap(`{"type":"video","frames":[1],"fps":1}`):                                            {part + ".Frames[0]", "bad JSON"},
		wrap(`{"type":"video","frames":[{"path":"a"}],"fps":1}`):                                 {part + ".Frames[0]", "without data"},
		wrap(`{"type":"video","frames":[{"data":"","x":0}],"fps":1}`):                            {part + ".Frames[0]", `"x"`},
		wrap(`{"type":"text","text":"x"},` + strings.Repeat("1,", 1<<16) + `1`):                  {"", ""},
		`{"messages":[],"template":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: {request, "nested"},
	} {
		r := qwenvl.Request{MaxTokens: 3}
		err := json.Unmarshal([]byte(text), &r)
		require.Error(t, err, "%.100s", text)
		require.Equal(t, qwenvl.Request{MaxTokens: 3}, r, "it is left alone")
		require.Less(t, len(err.Error()), 300)
		if want.field == "" {
			continue
		}
		var e *qwenvl.RequestError
		require.ErrorAs(t, err, &e, "%.100s", text)
		require.Equal(t, want.field, e.Field, "%.100s: %v", text, err)
		require.ErrorContains(t, err, want.problem, text)
	}
}

// FuzzMessageJSON: what is read is a message whose JSON gives the same message; reading never
// panics.
func FuzzMessageJSON(f *testing.F) {
	for _, m := range []qwenvl.Message{
		qwenvl.System("x"), qwenvl.User(qwenvl.ImageFile("a"), qwenvl.ImageURL("data:,x"), qwenvl.Text("\xff")),
		qwenvl.User(qwenvl.ImageBytes([]byte("GIF89a")), qwenvl.Image(picture(2, 2)), qwenvl.Video([]image.Image{picture(1, 1)}, 2)),
		qwenvl.User(qwenvl.Clip(qwenvl.VideoClip{Times: []time.Duration{5}, Duration: 7e9})),
	} {
		data, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(`{"role":"user","content":"x"}`)
	f.Add(`{"role":"user","content":[{"type":"video","frames":[],"times":[1e-9,1.00000000049],"duration":1E2,"max_pixels":-5}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m qwenvl.Message
		err := json.Unmarshal([]byte(text), &m)
		if err != nil {
			return
		}
		_ = m.String()
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var second qwenvl.Message
		if err := json.Unmarshal(data, &second); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		require.Equal(t, m, second)
	})
}

// FuzzRequestJSON is FuzzMessageJSON for what is around messages.
func FuzzRequestJSON(f *testing.F) {
	f.Add(`{"messages":[]}`)
	f.Add(`{"messages":[{"role":"user","content":"x"}],"max_tokens":5,"sampling":{"top_k":3,"rules":{"bad_words":[[1]]}},` +
		`"stop":["a"],"min_pixels":1,"max_pixels":2,"template":{"a":[1e5,null,{"b":"c"}]},"tools":[{ "x" : 1.0 }],"continue_final":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		var first, second qwenvl.Request
		if err := json.Unmarshal([]byte(text), &first); err != nil {
			return
		}
		data, err := json.Marshal(first)
		require.NoError(t, err, text)
		require.NoError(t, json.Unmarshal(data, &second), "%s", data)
		again, err := json.Marshal(second)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
	})
}
