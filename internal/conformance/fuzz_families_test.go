package conformance_test

// Fuzzing of configurations through Inspect, for every family.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

// FuzzFamilyConfig describes a family's small checkpoint with one of its configuration files replaced: that works, and an estimate can be
// made, or the error names the file.
func FuzzFamilyConfig(f *testing.F) {
	names := []string{"config.json", "generation_config.json", "preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"}
	fixtures := slices.Sorted(maps.Keys(familyFixtures))
	whole := make([]fstest.MapFS, len(fixtures))
	for i, fixture := range fixtures {
		whole[i] = fstest.MapFS{}
		for which, name := range names {
			data, err := os.ReadFile(filepath.Join(testdata, fixture, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			require.NoError(f, err)
			whole[i][name] = &fstest.MapFile{Data: data}
			f.Add(uint8(i), uint8(which), string(data))
		}
		if part := whole[i]["preprocessor_config.json"]; part != nil {
			f.Add(uint8(i), uint8(4), string(inOneFile(part.Data, part.Data)))
			f.Add(uint8(i), uint8(3), `{"cap_pixels_per_frame": true, "max_video_tokens": 4, "size": {"shortest_edge": 9, "longest_edge": 7}}`)
		}
		for _, change := range []map[string]any{ // of what goes together
			{"text_config.decoder_sparse_step": 3}, {"text_config.mlp_only_layers": []int{3, 1}}, {"text_config.layer_types": []string{}},
			{"text_config.num_hidden_layers": 1024, "text_config.num_experts": 16384, "text_config.n_routed_experts": 16384},
			{"vision_config.deepstack_visual_indexes": []int{1, 1}}, {"vision_config.fullatt_block_indexes": []int{-1}},
			{"vision_config.merge_kernel_size": []int{2, 3}}, {"visual.n_queries": 65535}, {"visual.mlp_ratio": 1e-300},
			{"vision_config": nil}, {"text_config": []int{}}, {"visual": "x"},
		} {
			f.Add(uint8(i), uint8(0), changed(f, whole[i]["config.json"].Data, change))
		}
	}
	f.Fuzz(func(t *testing.T, fixture, which uint8, text string) {
		files := maps.Clone(whole[int(fixture)%len(whole)])
		name := names[int(which)%len(names)]
		files[name] = &fstest.MapFile{Data: []byte(text)}
		in, err := qwenvl.InspectFS(files)
		if err != nil {
			var broken *qwenvl.CheckpointError
			require.True(t, errors.As(err, &broken), "%v", err)
			require.NotEmpty(t, broken.File, "%v", err)
			return
		}
		require.Positive(t, in.Parameters.Total)
		e, err := in.Estimate(qwenvl.EstimateRequest{ContextTokens: 128})
		require.NoError(t, err)
		require.Positive(t, e.Total)
	})
}

// inOneFile puts sections of pictures and videos into one file.
func inOneFile(images, videos []byte) []byte {
	return fmt.Appendf(nil, `{"processor_class": "P", "image_processor": %s, "video_processor": %s}`, images, videos)
}

// changed sets values at dotted paths of a JSON file; where a path is not there, at its last key.
func changed(t testing.TB, data []byte, values map[string]any) string {
	t.Helper()
	var root map[string]any
	require.NoError(t, json.Unmarshal(data, &root))
	for path, value := range values {
		in := root
		key := path
		if outer, last, ok := strings.Cut(path, "."); ok {
			key = last
			if object, ok := root[outer].(map[string]any); ok {
				in = object
			}
		}
		in[key] = value
	}
	out, err := json.Marshal(root)
	require.NoError(t, err)
	return string(out)
}
