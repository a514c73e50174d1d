package docs_test

// Keeps architecture.md and its drawing true. The embedded model answers the page's question with a
// trace; every shape on the page must be one that was seen, computed from the configuration or read
// from the weights, and every stage that was traced must be on the page. pages_test.go holds what
// all pages name (files, tests, identifiers) against the repository.

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/tiny"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
)

// walk is one run of the page's example.
type walk struct {
	shapes map[string]string // by the name that the page gives it
	traced []string          // the names among them that the trace gave, those of later steps left out
	prompt *processor.Prompt
	answer *qwenvl.Response
}

func shape(n ...int) string { return strings.ReplaceAll(fmt.Sprint(n), " ", ", ") }

// config is the part of a config.json that shapes follow from.
type config struct {
	Hidden  int `json:"hidden_size"`
	Inner   int `json:"intermediate_size"`
	Heads   int `json:"num_attention_heads"`
	KVHeads int `json:"num_key_value_heads"`
	Layers  int `json:"num_hidden_layers"`
	Vocab   int `json:"vocab_size"`
	Vision  struct {
		Width int `json:"embed_dim"`
		Depth int `json:"depth"`
		Heads int `json:"num_heads"`
		Ratio int `json:"mlp_ratio"`
		Merge int `json:"spatial_merge_size"`
		Patch int `json:"patch_size"`
	} `json:"vision_config"`
}

// cacheBytes is what a token of context takes in float32.
func (c config) cacheBytes() int { return c.Layers * 2 * c.KVHeads * c.Hidden / c.Heads * 4 }

func readConfig(t *testing.T, files fs.FS, name string) (c config) {
	t.Helper()
	data, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &c))
	return c
}

// take runs the example.
func take(t *testing.T) *walk {
	t.Helper()
	m, err := qwenvl.LoadFS(tiny.FS())
	require.NoError(t, err)
	defer m.Close()
	const picture = "../testdata/digits.png"
	w := &walk{shapes: map[string]string{}}
	media, logits := "", 0
	ctx := hooks.With(context.Background(), &hooks.Hooks{
		Prompt: func(p *processor.Prompt) {
			w.prompt = p
			require.Len(t, p.Media, 1)
			x := p.Media[0].Resized
			w.shapes["resized"] = shape(x.H, x.W, 3)
		},
		Pixels: func(_ int, x *preprocess.Patches) { media = shape(x.N, x.Dim) },
		Trace: func(stage string, index int, rows tensor.Tensor) {
			if index >= 0 {
				stage += "." + strconv.Itoa(index)
			}
			if logits > 0 {
				stage = "step." + stage
			} else {
				w.traced = append(w.traced, stage)
			}
			w.shapes[stage] = shape(rows.Rows, rows.Cols)
			if strings.HasSuffix(stage, "logits") {
				logits++
			}
		},
	})
	w.answer, err = m.Generate(ctx, qwenvl.Request{Messages: []qwenvl.Message{
		qwenvl.User(qwenvl.ImageFile(picture), qwenvl.Text("Read the text."))}})
	require.NoError(t, err)
	require.Equal(t, w.answer.Usage.CompletionTokens, logits)
	w.shapes["pixel_values"] = media
	data, err := os.ReadFile(picture)
	require.NoError(t, err)
	img, err := preprocess.Decode(data, preprocess.DecodeOptions{})
	require.NoError(t, err)
	w.shapes["picture"] = shape(img.Height, img.Width, 3)
	w.derive(t)
	w.stored(t)
	return w
}

// derive adds what is not traced and follows from the configuration.
func (w *walk) derive(t *testing.T) {
	c := readConfig(t, tiny.FS(), "config.json")
	v, n := c.Vision, len(w.prompt.Tokens)
	var patches int
	_, err := fmt.Sscanf(w.shapes["pixel_values"], "[%d,", &patches)
	require.NoError(t, err)
	head := c.Hidden / c.Heads
	half := v.Width / v.Heads / 2
	group := v.Merge * v.Merge
	maps.Copy(w.shapes, map[string]string{
		"input_ids":     shape(n),
		"position_ids":  shape(n, len(w.prompt.Positions[0])),
		"vision.cos":    shape(patches, half),
		"vision.sin":    shape(patches, half),
		"vision.qkv":    shape(patches, 3*v.Width),
		"vision.scores": shape(patches, patches),
		"vision.inner":  shape(patches, v.Ratio*v.Width),
		"merged":        shape(patches/group, group*v.Width),
		"cos":           shape(n, head/2),
		"sin":           shape(n, head/2),
		"q":             shape(n, c.Hidden),
		"k":             shape(n, c.KVHeads*head),
		"v":             shape(n, c.KVHeads*head),
		"heads":         shape(n, c.Hidden),
		"inner":         shape(n, c.Inner),
	})
}

// stored adds the tensors of the checkpoint.
func (w *walk) stored(t *testing.T) {
	data, err := fs.ReadFile(tiny.FS(), "model.safetensors")
	require.NoError(t, err)
	header := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(data[8:8+binary.LittleEndian.Uint64(data)], &header))
	delete(header, "__metadata__")
	for name, raw := range header {
		var x struct{ Shape []int }
		require.NoError(t, json.Unmarshal(raw, &x))
		w.shapes[name] = shape(x.Shape...)
	}
}

var (
	span      = regexp.MustCompile("`([^`]+)`")
	shapeSpan = regexp.MustCompile(`\[\d+(?:, \d+)*\]`)
	stepRow   = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
)

// wrongShapes returns what a page says of shapes and is not so, and the names that it gives shapes
// of.
func (w *walk) wrongShapes(page string) (wrong, named []string) {
	for _, row := range stepRow.FindAllStringSubmatch(page, -1) {
		if !shapeSpan.MatchString(row[4]) {
			continue
		}
		for _, name := range span.FindAllStringSubmatch(row[3], -1) {
			named = append(named, name[1])
			if want := w.shapes[name[1]]; "`"+want+"`" != row[4] {
				wrong = append(wrong, fmt.Sprintf("%s: %s, is %q", name[1], row[4], want))
			}
		}
	}
	known := slices.Collect(maps.Values(w.shapes))
	for _, s := range shapeSpan.FindAllString(page, -1) {
		if !slices.Contains(known, s) {
			wrong = append(wrong, s+" is no shape of anything")
		}
	}
	return wrong, named
}

func TestArchitectureShapes(t *testing.T) {
	w := take(t)
	page := read(t, "architecture.md")
	wrong, named := w.wrongShapes(page)
	require.Empty(t, wrong)
	require.Greater(t, len(named), 30)
	for _, stage := range w.traced {
		require.True(t, slices.Contains(named, stage), "stage %s is traced and not on the page", stage)
	}
	drawing := read(t, "architecture.svg")
	wrong, _ = w.wrongShapes(drawing)
	require.Empty(t, wrong)
	require.Contains(t, drawing, "inputs_embeds "+w.shapes["inputs_embeds"])
	require.Contains(t, drawing, "logits "+w.shapes["logits"])

	// The check sees a wrong shape, a wrong name and a shape out of nowhere.
	for from, to := range map[string]string{
		"`vision.out` | `[30, 128]`": "`vision.out` | `[55, 128]`",
		"`vision.out` |":             "`vision.oout` |",
		"A shape `[120, 128]`":       "A shape `[120, 129]`",
	} {
		require.Equal(t, 1, strings.Count(page, from), from)
		wrong, _ = w.wrongShapes(strings.Replace(page, from, to, 1))
		require.NotEmpty(t, wrong, to)
	}
}

// What the page tells of prompt, places and answer.
func TestArchitectureStory(t *testing.T) {
	w := take(t)
	page := strings.Join(strings.Fields(read(t, "architecture.md")), " ")
	says := func(format string, args ...any) {
		t.Helper()
		require.Contains(t, page, fmt.Sprintf(format, args...))
	}
	says("%s", strings.Join(strings.Fields(w.prompt.Text), " "))
	says("which prints `%s`", w.answer.Text)
	n, tokens := len(w.prompt.Tokens), w.prompt.Tokens
	pad := 375
	first := slices.Index(tokens, pad)
	last := n - 1 - slices.Index(reversed(tokens), pad)
	run := last - first + 1
	says("placeholder, token %d, is repeated %d times: %d tokens of the template become %d",
		pad, run, n-run+1, n)
	says("`<|im_start|>` is token %d", tokens[0])
	says("\"Read the text.\" is %s", join(tokens[last+2:last+6]))
	at := w.prompt.Positions
	says("The %d tokens before the picture count 0 to %d", first, at[first-1][0])
	a, b := at[first], at[last]
	says("share time %d and count their %d rows (%d to %d) and %d columns (%d to %d)",
		a[0], b[1]-a[1]+1, a[1], b[1], b[2]-a[2]+1, a[2], b[2])
	says("Text goes on behind the largest number so far: %d to %d", at[last+1][0], at[n-1][0])
	require.Negative(t, w.prompt.Delta)
	says("the difference, −%d, is the *rope delta*", -w.prompt.Delta)
	says("whose place is %d − %d = %d", n, -w.prompt.Delta, n+w.prompt.Delta)
	says("It is token %d, the digit %c", w.answer.Tokens[0], w.answer.Text[0])
	k := len(w.answer.Tokens) - 1
	says("So it goes on: %s, then %d, `<|im_end|>`", join(w.answer.Tokens[:k]), w.answer.Tokens[k])
	says("blocks of %d positions", llm.BlockTokens)
	says("up to %d tokens of a prompt", 512)
}

// The table of sizes is that of the two configurations.
func TestArchitectureSizes(t *testing.T) {
	page := read(t, "architecture.md")
	a := readConfig(t, tiny.FS(), "config.json")
	b := readConfig(t, os.DirFS("../testdata/configs"), "Qwen2-VL-2B/config.json")
	side := 448 / b.Vision.Patch
	tokens := side * side / b.Vision.Merge / b.Vision.Merge
	row := func(format string, args ...any) {
		t.Helper()
		require.Contains(t, page, fmt.Sprintf(format, args...))
	}
	v, u := a.Vision, b.Vision
	row("| tower: blocks, width, heads | %d, %d, %d | %d, %d, %d |",
		v.Depth, v.Width, v.Heads, u.Depth, u.Width, u.Heads)
	row("| decoder: layers, width, MLP | %d, %d, %d | %d, %d, %d |",
		a.Layers, a.Hidden, a.Inner, b.Layers, b.Hidden, b.Inner)
	row("| heads of queries, of keys and values | %d, %d | %d, %d |", a.Heads, a.KVHeads, b.Heads, b.KVHeads)
	row("| vocabulary | %d | %d |", a.Vocab, b.Vocab)
	row("| cache, a token | %d KiB | %d KiB |", a.cacheBytes()>>10, b.cacheBytes()>>10)
	row("| %d, %d |", side*side, tokens)
	require.Contains(t, read(t, "architecture.svg"), fmt.Sprintf("%d KiB a token", a.cacheBytes()>>10))
}

func reversed(ids []int) []int {
	out := slices.Clone(ids)
	slices.Reverse(out)
	return out
}

func join(ids []int) string { return strings.Trim(fmt.Sprint(ids), "[]") }
