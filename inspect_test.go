package qwenvl_test

// Inspections and estimates against the checkpoints that they describe.

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/shards"
)

// What an inspection lists is what loading binds: the checkpoint's tensors, all of them and no others, with as many numbers.
func TestInspectListsTheCheckpoint(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", name)
			in, err := qwenvl.Inspect(dir)
			require.NoError(t, err)
			src, err := shards.OpenDir(dir)
			require.NoError(t, err)
			defer func() { require.NoError(t, src.Close()) }()
			listed := map[string]int64{}
			for _, x := range in.Tensors {
				n := int64(1)
				for _, d := range x.Shape {
					n *= int64(d)
				}
				listed[x.Name] += n
			}
			total := int64(0)
			for _, tensor := range src.Names() {
				if strings.HasPrefix(tensor, "mtp.") {
					continue // of a draft head, not used
				}
				x, _ := src.Tensor(tensor)
				n := int64(1)
				for _, d := range x.Shape {
					n *= int64(d)
				}
				require.Equal(t, n, listed[tensor], tensor)
				total += n
				delete(listed, tensor)
			}
			require.Empty(t, listed)
			p := in.Parameters
			require.Equal(t, total, p.Total)
			require.Equal(t, p.Total, p.Vision+p.Adapter+p.Decoder)
			require.LessOrEqual(t, p.Active, p.Decoder)

			m, err := qwenvl.Load(dir)
			require.NoError(t, err)
			want := m.Info()
			want.Threads = 0
			require.Equal(t, want, in.Info)
			require.NoError(t, m.Close())

			without, err := qwenvl.InspectFS(os.DirFS(dir))
			require.NoError(t, err)
			require.Equal(t, in.Info, without.Info)
			require.Equal(t, in.Parameters, without.Parameters)
			require.Equal(t, in.Tensors, without.Tensors)
		})
	}
}

// An index tells how tensors are called, without the shards that it names.
func TestInspectReadsAnIndex(t *testing.T) {
	config, err := os.ReadFile("testdata/configs/Qwen3-30B-A3B-Instruct-2507/config.json")
	require.NoError(t, err)
	has := func(files fstest.MapFS, name string) bool {
		in, err := qwenvl.InspectFS(files)
		require.NoError(t, err)
		return slices.ContainsFunc(in.Tensors, func(x qwenvl.TensorInfo) bool { return x.Name == name })
	}
	const apart, stacked = "model.layers.47.mlp.experts.127.up_proj.weight", "model.layers.47.mlp.experts.gate_up_proj"
	files := fstest.MapFS{"config.json": {Data: config}}
	require.True(t, has(files, apart))
	index := func(name string) {
		files["model.safetensors.index.json"] = &fstest.MapFile{Data: []byte(`{"weight_map": {"` + name + `": "model-00001-of-00002.safetensors"}}`)}
	}
	index("model.layers.0.mlp.experts.gate_up_proj")
	require.True(t, has(files, stacked))
	require.False(t, has(files, apart))
	index("model.layers.0.mlp.experts.0.gate_proj.weight")
	require.True(t, has(files, apart))
	files["model.safetensors.index.json"].Data = []byte(`{"weight_map": 3}`)
	_, err = qwenvl.InspectFS(files)
	var broken *qwenvl.CheckpointError
	require.ErrorAs(t, err, &broken)
	require.Equal(t, "model.safetensors.index.json", broken.File)
}

// The tokens that an inspection promises for a picture are those of a request. The numbers for published sizes are the reference's.
func TestPictureTokens(t *testing.T) {
	for _, name := range fixtures {
		dir := filepath.Join("testdata", name)
		in, err := qwenvl.Inspect(dir)
		require.NoError(t, err)
		m, err := qwenvl.Load(dir)
		require.NoError(t, err)
		for _, size := range []image.Point{{X: 100, Y: 80}, {X: 31, Y: 200}, {X: 448, Y: 448}} {
			want, err := in.PictureTokens(size.X, size.Y)
			require.NoError(t, err)
			resp, err := m.Generate(context.Background(), qwenvl.Request{
				Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Image(image.NewGray(image.Rectangle{Max: size})), qwenvl.Text("?"))},
				MaxTokens: 1, Sampling: qwenvl.Greedy(),
			})
			require.NoError(t, err)
			require.Equal(t, resp.Usage.VisionTokens, want, "%s %v", name, size)
		}
		require.NoError(t, m.Close())
	}
	for name, want := range map[string][3]int{ // of 448×448, 1920×1080 and 28×28
		"Qwen-VL-Chat":              {256, 256, 256},
		"Qwen2-VL-2B":               {256, 2691, 4},
		"Qwen2.5-VL-7B-Instruct":    {256, 2691, 4},
		"Kimi-VL-A3B-Instruct":      {256, 0, 1},
		"Qwen3-VL-2B-Instruct":      {196, 2040, 64},
		"Qwen3.5-27B":               {196, 2040, 64},
		"olmOCR-7B-0225-preview":    {256, 2691, 4},
		"Qwen3-VL-30B-A3B-Instruct": {196, 2040, 64},
	} {
		in, err := qwenvl.Inspect("testdata/configs/" + name)
		require.NoError(t, err)
		for i, size := range []image.Point{{X: 448, Y: 448}, {X: 1920, Y: 1080}, {X: 28, Y: 28}} {
			got, err := in.PictureTokens(size.X, size.Y)
			require.NoError(t, err)
			if want[i] > 0 {
				require.Equal(t, want[i], got, "%s %v", name, size)
			}
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, name := range fixtures {
		dir := filepath.Join("testdata", name)
		in, err := qwenvl.Inspect(dir)
		require.NoError(t, err)
		small, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 64})
		require.NoError(t, err)
		long, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 6400})
		require.NoError(t, err)
		seen, err := qwenvl.Estimate(dir, qwenvl.EstimateRequest{Pictures: []image.Point{{X: 100, Y: 80}}})
		require.NoError(t, err)
		if in.Info.Unused == "" {
			require.Equal(t, in.Info.WeightBytes, small.Weights)
		}
		require.LessOrEqual(t, small.Weights, in.Info.WeightBytes)
		require.Greater(t, long.Cache, small.Cache)
		require.Greater(t, long.Total, small.Total)
		require.Positive(t, seen.Vision)
		require.Zero(t, small.Vision)
	}
	// Two blocks of keys and values: 64 tokens a block, both heads, keys and values of 16, 3 layers, 4 bytes.
	m, err := qwenvl.Estimate("testdata/qwen2_vl-tiny", qwenvl.EstimateRequest{ContextTokens: 65})
	require.NoError(t, err)
	require.EqualValues(t, 2*64*2*(16+16)*3*4, m.Cache)
	one := []image.Point{{X: 100, Y: 100}}
	for _, c := range []struct {
		r     qwenvl.EstimateRequest
		field string
	}{
		{qwenvl.EstimateRequest{ContextTokens: -1}, "ContextTokens"},
		{qwenvl.EstimateRequest{PrefillChunk: -1}, "PrefillChunk"},
		{qwenvl.EstimateRequest{Threads: -1}, "Threads"},
		{qwenvl.EstimateRequest{WeightFormat: "int3"}, "WeightFormat"},
		{qwenvl.EstimateRequest{Pictures: append(one, image.Point{Y: 5})}, "Pictures[1]"},
		{qwenvl.EstimateRequest{Pictures: one, ContextTokens: 2}, "ContextTokens"},
		{qwenvl.EstimateRequest{MaxPixels: -1}, "MaxPixels"},
		{qwenvl.EstimateRequest{Pictures: one, MaxPixels: 1}, "MaxPixels"},
		{qwenvl.EstimateRequest{Pictures: one, MinPixels: 1 << 28}, "MinPixels"},
		{qwenvl.EstimateRequest{Pictures: one, MinPixels: 9000, MaxPixels: 8000}, "MinPixels"},
	} {
		_, err := qwenvl.Estimate("testdata/qwen2_vl-tiny", c.r)
		var wrong *qwenvl.RequestError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, c.field, wrong.Field, "%v", err)
	}
	_, err = qwenvl.Estimate(t.TempDir(), qwenvl.EstimateRequest{})
	var broken *qwenvl.CheckpointError
	require.ErrorAs(t, err, &broken)
	require.Equal(t, "config.json", broken.File)
}
