package qwenvl

// A checkpoint of another kind than folders: one file holds keys, tokenizer, template and the
// decoder's tensors, a second one the tower's. Names of keys and tensors are its own, the tower's
// q, k and v stand apart, its patch embedding is in two halves, and how pixels are cut is in no
// file. It comes through the same door and gives the same tokens, and nothing besides this file
// knows of it.

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/components"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// bundle is the header of such a file. The tensors' data follows it.
type bundle struct {
	Meta      map[string]json.RawMessage `json:",omitempty"` // by flat names
	Tokenizer string                     `json:",omitempty"`
	Template  string                     `json:",omitempty"`
	Tensors   map[string]bundled
	data      []byte
}

type bundled struct {
	DType    weights.DType
	Shape    []int
	At, Size int
}

func (b *bundle) add(name string, t weights.DType, data []byte, shape ...int) {
	b.Tensors[name] = bundled{t, shape, len(b.data), len(data)}
	b.data = append(b.data, data...)
}

func (b *bundle) write(t testing.TB, name string) {
	header, err := json.Marshal(b)
	require.NoError(t, err)
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	require.NoError(t, os.WriteFile(name, slices.Concat(file, header, b.data), 0o600))
}

// readBundle is the weights.Reader of the format, and gives the header too.
func readBundle(file string, data []byte) (b bundle, tensors []weights.Tensor, err error) {
	head := 8 + int(binary.LittleEndian.Uint64(data))
	if err := json.Unmarshal(data[8:head], &b); err != nil {
		return b, nil, &checkpoint.Error{File: file, Field: "header", Problem: "not JSON", Err: err}
	}
	for name, x := range b.Tensors {
		at := head + x.At
		tensors = append(tensors, weights.Tensor{
			Name: name, DType: x.DType, Shape: x.Shape, File: file,
			Data: data[at : at+x.Size : at+x.Size],
		})
	}
	return b, tensors, nil
}

// bundles is the checkpoint in two files of a folder.
type bundles struct{ dir, text, tower string }

func (c *bundles) header() (bundle, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, c.text))
	if err != nil {
		return bundle{}, err
	}
	b, _, err := readBundle(c.text, data)
	return b, err
}

// metaName is what the file calls a key: flat, with the section before it.
func metaName(section checkpoint.Section, path string) string {
	return strconv.Itoa(int(section)) + "/" + strings.ReplaceAll(path, ".", "/")
}

func (c *bundles) Keys(section checkpoint.Section) (checkpoint.Keys, error) {
	if section == checkpoint.Images { // published, and in no file
		return checkpoint.ParseKeys("defaults", []byte(`{"min_pixels": 3136, "max_pixels": 9408}`))
	}
	b, err := c.header()
	k := checkpoint.Keys{Values: map[string]json.RawMessage{}}
	k.Place = func(path string) (string, string) { return c.text, metaName(section, path) }
	nested := map[string]map[string]json.RawMessage{}
	for name, value := range b.Meta {
		path, ok := strings.CutPrefix(name, metaName(section, ""))
		if !ok {
			continue
		}
		outer, inner, ok := strings.Cut(path, "/")
		if !ok {
			k.Values[path] = value
			continue
		}
		if nested[outer] == nil {
			nested[outer] = map[string]json.RawMessage{}
		}
		nested[outer][inner] = value
	}
	for outer, values := range nested {
		if k.Values[outer], err = json.Marshal(values); err != nil {
			return k, err
		}
	}
	return k, err
}

func (c *bundles) Tokenizer(func(string) bool) (*tokenizer.Tokenizer, error) {
	b, err := c.header()
	if err != nil {
		return nil, err
	}
	return tokenizer.ParseJSON([]byte(b.Tokenizer))
}

func (c *bundles) Template() (checkpoint.Template, error) {
	b, err := c.header()
	return checkpoint.Template{Source: b.Template, File: c.text, Field: "Template"}, err
}

func (c *bundles) Outline() (o checkpoint.Outline, err error) {
	src, err := c.Tensors()
	if err != nil {
		return o, err
	}
	o = checkpoint.Outline{Shapes: map[string][]int{}, Bytes: src.Bytes()}
	for _, name := range src.Names() {
		o.Shapes[name], _ = src.Shape(name)
	}
	return o, src.Close()
}

func (c *bundles) Tensors() (*weights.Source, error) {
	var files []*weights.File
	var tensors []weights.Tensor
	for _, name := range []string{c.text, c.tower} {
		f, err := weights.OpenFile(os.DirFS(c.dir), name, name)
		if err != nil {
			return nil, err
		}
		_, found, err := readBundle(name, f.Data)
		if err != nil {
			return nil, err
		}
		files, tensors = append(files, f), append(tensors, found...)
	}
	return weights.NewSource(c.text, files, tensors)
}

func (c *bundles) Names() weights.Names { return bundleNames }

var bundleRenames = weights.Rename(
	"embed.weight", "token_embd",
	"layers.*.attn.*.*", "blk.*.attn_*.*",
	"layers.*.*", "blk.*.*",
	"vision.blocks.*.*", "v.blk.*.*",
	"vision.*", "v.*",
	"adapter.*", "mm.*",
)

func bundleNames(canonical string) weights.Ref {
	r := bundleRenames(canonical)
	switch {
	case strings.Contains(r.Name, ".attn.qkv."):
		return weights.Ref{Join: []weights.Ref{
			{Name: strings.Replace(r.Name, "qkv", "q", 1)},
			{Name: strings.Replace(r.Name, "qkv", "k", 1)},
			{Name: strings.Replace(r.Name, "qkv", "v", 1)},
		}}
	case canonical == "vision.patch_embed.weight":
		return weights.Ref{Join: []weights.Ref{{Name: r.Name}, {Name: r.Name + ".1"}}, Run: 14 * 14}
	}
	return r
}

// convert writes the checkpoint in a folder as bundles.
func convert(t testing.TB, from string) *bundles {
	folder, err := checkpoint.Open(from)
	require.NoError(t, err)
	text := &bundle{Tensors: map[string]bundled{}, Meta: map[string]json.RawMessage{}}
	tower := &bundle{Tensors: map[string]bundled{}}
	for _, section := range []checkpoint.Section{checkpoint.Model, checkpoint.Generation} {
		keys, err := folder.Keys(section)
		require.NoError(t, err)
		for key, value := range keys.Values {
			var in map[string]json.RawMessage
			if json.Unmarshal(value, &in) != nil {
				in = map[string]json.RawMessage{"": value}
			}
			for inner, value := range in {
				text.Meta[metaName(section, strings.TrimSuffix(key+"."+inner, "."))] = value
			}
		}
	}
	words, err := os.ReadFile(filepath.Join(from, "tokenizer.json"))
	require.NoError(t, err)
	template, err := folder.Template()
	require.NoError(t, err)
	text.Tokenizer, text.Template = string(words), template.Source

	spec, err := family.Load(folder)
	require.NoError(t, err)
	src, err := folder.Tensors()
	require.NoError(t, err)
	defer func() { require.NoError(t, src.Close()) }()
	spec, names := spec.Find(folder, src)
	ld, plan := weights.NewPlanner(names)
	_, err = components.Bind(spec, ld, tensor.F32, tensor.F32)
	require.NoError(t, err)
	for _, b := range plan.Binds {
		x, ok := src.Tensor(b.Ref.Name)
		require.True(t, ok, b.Ref.Name)
		into := text
		if strings.HasPrefix(b.Canonical, "vision.") || strings.HasPrefix(b.Canonical, "adapter.") {
			into = tower
		}
		ref := bundleNames(b.Canonical)
		if ref.Run > 0 { // [out, channel, frame, y, x] as one tensor for each frame
			s := x.Shape
			halves := make([][]byte, len(ref.Join))
			run := len(x.Data) / (s[0] * s[1] * s[2])
			for i := 0; i*run < len(x.Data); i++ {
				h := i % len(halves)
				halves[h] = append(halves[h], x.Data[i*run:(i+1)*run]...)
			}
			for i, part := range ref.Join {
				into.add(part.Name, x.DType, halves[i], s[0], s[1], s[3], s[4])
			}
			continue
		}
		parts := ref.Parts()
		n := len(x.Data) / len(parts)
		for i, part := range parts {
			shape := slices.Clone(x.Shape)
			shape[0] /= len(parts)
			into.add(part.Name, x.DType, x.Data[i*n:(i+1)*n], shape...)
		}
	}
	c := &bundles{t.TempDir(), "model.bundle", "tower.bundle"}
	text.write(t, filepath.Join(c.dir, c.text))
	tower.write(t, filepath.Join(c.dir, c.tower))
	return c
}

func TestAnotherKindOfCheckpoint(t *testing.T) {
	const fixture = "testdata/qwen2_vl-tiny"
	other := convert(t, fixture)
	src, err := other.Tensors()
	require.NoError(t, err)
	require.Contains(t, src.Names(), "v.blk.0.attn.k.weight")
	require.Contains(t, src.Names(), "v.patch_embed.weight.1")
	for _, name := range src.Names() {
		x, _ := src.Tensor(name)
		seeing := strings.HasPrefix(name, "v.") || strings.HasPrefix(name, "mm.")
		require.Equal(t, seeing, x.File == other.tower, name)
	}
	require.NoError(t, src.Close())

	picture := image.NewRGBA(image.Rect(0, 0, 75, 50))
	for i := range 75 * 50 {
		picture.Set(i%75, i/75, color.RGBA{uint8(3 * i), uint8(i / 7), uint8(i * i), 255})
	}
	request := Request{
		Messages:  []Message{User(Image(picture), Text("What is this?"))},
		MaxTokens: 24, Sampling: Greedy(),
	}
	for _, format := range []WeightFormat{F32, Int8} {
		folder, err := Load(fixture, WithWeightFormat(format))
		require.NoError(t, err)
		defer func() { require.NoError(t, folder.Close()) }()
		m, err := load(other, []Option{WithWeightFormat(format)})
		require.NoError(t, err)
		defer func() { require.NoError(t, m.Close()) }()
		want, err := folder.Generate(context.Background(), request)
		require.NoError(t, err)
		got, err := m.Generate(context.Background(), request)
		require.NoError(t, err)
		different := slices.Compact(slices.Sorted(slices.Values(want.Tokens)))
		require.Greater(t, len(different), 5, "it says something")
		require.Equal(t, want.Tokens, got.Tokens)
		require.Equal(t, want.Text, got.Text)
		require.Equal(t, want.Usage, got.Usage)
	}

	want, err := Inspect(fixture)
	require.NoError(t, err)
	got, err := inspect(other)
	require.NoError(t, err)
	require.Equal(t, want.Parameters, got.Parameters)
	use := EstimateRequest{ContextTokens: 512, WeightFormat: Int8}
	use.Pictures = []image.Point{{X: 75, Y: 50}}
	a, err := want.Estimate(use)
	require.NoError(t, err)
	b, err := got.Estimate(use)
	require.NoError(t, err)
	require.Equal(t, a.Cache, b.Cache)
	require.Equal(t, a.Vision, b.Vision)
}

// Errors name the file that the answer came from, and what it calls the key or the tensor.
func TestAnotherKindNamesItsPlaces(t *testing.T) {
	other := convert(t, "testdata/qwen2_vl-tiny")
	text, err := other.header()
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(other.dir, other.text))
	require.NoError(t, err)
	text.data = data[8+binary.LittleEndian.Uint64(data):]
	rewrite := func(change func(*bundle)) error {
		b := text
		b.Meta, b.Tensors = maps.Clone(text.Meta), maps.Clone(text.Tensors)
		change(&b)
		b.write(t, filepath.Join(other.dir, other.text))
		m, err := load(other, nil)
		if err == nil {
			_, err = m.Sampling()
			require.NoError(t, m.Close())
		}
		return err
	}
	require.NoError(t, rewrite(func(*bundle) {}))
	meta := func(name, value string) func(*bundle) {
		return func(b *bundle) { b.Meta[name] = json.RawMessage(value) }
	}
	for field, change := range map[string]func(*bundle){
		"0/vision_config/depth": meta("0/vision_config/depth", "0"),
		"0/hidden_size":         meta("0/hidden_size", "null"),
		"0/hidden_act":          meta("0/hidden_act", `"relu"`),
		"3/eos_token_id":        meta("3/eos_token_id", `"x"`),
		"3/temperature":         meta("3/temperature", "-1"), // when it is used
		"0/vocab_size":          meta("0/vocab_size", "100"),
		"Template":              func(b *bundle) { b.Template = "{% for %}" },
		"blk.1.attn_k.weight":   func(b *bundle) { delete(b.Tensors, "blk.1.attn_k.weight") },
		"blk.9.attn_k.weight": func(b *bundle) {
			b.add("blk.9.attn_k.weight", weights.F32, make([]byte, 8), 2)
		},
	} {
		err := rewrite(change)
		var e *CheckpointError
		require.ErrorAs(t, err, &e, field)
		require.Equal(t, [2]string{other.text, field}, [2]string{e.File, e.Field}, "%v", err)
	}
}
