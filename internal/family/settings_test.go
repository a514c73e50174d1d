package family

// Settings as transformers resolves them: recorded by testdata/settings/make_settings.py.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/preprocess"
)

const testdata = "../../testdata/"

// lines reads a file of JSON lines.
func lines[T any](t *testing.T, file string) (rows []T) {
	data, err := os.ReadFile(testdata + file)
	require.NoError(t, err)
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var row T
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.UseNumber()
		require.NoError(t, d.Decode(&row))
		rows = append(rows, row)
	}
	require.NotEmpty(t, rows)
	return rows
}

// A key that is left out of a published configuration is worth the default of the reference's
// class: the model is as if that stood there, or refused where the reference refuses.
func TestDefaultsOfTheReference(t *testing.T) {
	type row struct {
		Config, Drop string
		Set          map[string]any
		Refused      bool
	}
	same, refused, changed := 0, 0, 0
	whole := map[string]string{} // models, described
	for _, row := range lines[row](t, "settings/defaults.jsonl") {
		s := published(t, row.Config)
		left := maps.Clone(s)
		left["config.json"] = without(t, s["config.json"].Data, row.Drop)
		got, err := Load(checkpoint.OpenFS(left))
		if row.Refused {
			require.Error(t, err, "%s without %s", row.Config, row.Drop)
			require.Equal(t, "config.json", place(t, err)[0])
			refused++
			continue
		}
		want, ok := whole[row.Config]
		var wantErr error
		if !ok || len(row.Set) > 0 {
			s["config.json"] = written(t, s["config.json"].Data, row.Set)
			var spec Spec
			spec, wantErr = Load(checkpoint.OpenFS(s))
			want = ofClasses(spec)
		}
		if len(row.Set) == 0 {
			whole[row.Config] = want
		}
		if wantErr != nil { // defaults of several keys do not fit each other
			require.Error(t, err, "%s without %s: %v", row.Config, row.Drop, wantErr)
			refused++
			continue
		}
		require.NoError(t, err, "%s without %s", row.Config, row.Drop)
		g, i := ofClasses(got), 0
		for i < min(len(want), len(g)) && want[i] == g[i] {
			i++
		}
		near := func(s string) string { return s[max(i-60, 0):min(i+60, len(s))] }
		require.Equal(t, near(want), near(g), "%s without %s", row.Config, row.Drop)
		if len(row.Set) == 0 {
			same++
		} else {
			changed++
		}
	}
	require.Greater(t, same, 300)
	require.Greater(t, changed, 60)
	require.Greater(t, refused, 14)
}

// ofClasses describes what the classes of configurations say of a model. Its layers mostly repeat
// each other.
func ofClasses(s Spec) string {
	if s.Layouts == nil {
		return "" // not loaded
	}
	s.EOS, s.ItemBytes = nil, 0
	all := s.LLM.Layers
	first, kept := []int{0}, all[:1:1]
	for i, l := range all[1:] {
		if l != all[i] {
			first, kept = append(first, i+1), append(kept, l)
		}
	}
	s.LLM.Layers = kept
	return fmt.Sprint(len(all), first) + description(s)
}

// published returns the files of a published configuration.
func published(t *testing.T, name string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, file := range []string{"config.json", "preprocessor_config.json"} {
		data, err := os.ReadFile(testdata + "configs/" + name + "/" + file)
		if errors.Is(err, os.ErrNotExist) && file != "config.json" {
			continue
		}
		require.NoError(t, err)
		files[file] = &fstest.MapFile{Data: data}
	}
	return files
}

func without(t *testing.T, config []byte, path string) *fstest.MapFile {
	x := newTree(t, string(config))
	holder, key := x.at(path)
	delete(holder, key)
	data, err := json.Marshal(x)
	require.NoError(t, err)
	return &fstest.MapFile{Data: data}
}

// written puts values where a configuration has those of their part.
func written(t *testing.T, config []byte, set map[string]any) *fstest.MapFile {
	x := newTree(t, string(config))
	part := func(key string) tree {
		if in, ok := x[key].(map[string]any); ok {
			return in
		}
		return x
	}
	for path, value := range set {
		outer, key, _ := strings.Cut(path, ".")
		switch {
		case outer == "text" && key == "rope_theta" || key == "partial_rotary_factor":
			text := part("text_config")
			if in, ok := text["rope_parameters"].(map[string]any); ok {
				text = in
			}
			text[key] = value
		case outer == "text":
			part("text_config")[key] = value
			if key == "num_experts" {
				delete(part("text_config"), "num_local_experts") // which would count
			}
		case outer == "vision":
			part("vision_config")[key] = value
		default:
			x[path] = value
		}
	}
	data, err := json.Marshal(x)
	require.NoError(t, err)
	return &fstest.MapFile{Data: data}
}

// Which of the files of processors counts, and what it makes of pictures and clips.
func TestPlacesOfTheReference(t *testing.T) {
	type section struct {
		Mean, Std [3]float32
		Factor    float64
		Grids     [][]int
	}
	type row struct {
		Base         string
		Files        map[string]json.RawMessage
		Image, Video *section
	}
	sizes := [][2]int{{300, 200}, {52, 38}, {64, 640}}
	frames := []int{1, 2, 3, 4, 7, 8, 33}
	loaded, refused := 0, 0
	for _, row := range lines[row](t, "settings/places.jsonl") {
		files := fstest.MapFS{}
		config, err := os.ReadFile(testdata + row.Base + "/config.json")
		require.NoError(t, err)
		files["config.json"] = &fstest.MapFile{Data: config}
		for name, data := range row.Files {
			files[name] = &fstest.MapFile{Data: data}
		}
		about, err := json.Marshal(row.Files)
		require.NoError(t, err)
		s, err := Load(checkpoint.OpenFS(files))
		if row.Image == nil || row.Video == nil {
			require.Error(t, err, "%s %s", row.Base, about)
			p := place(t, err)
			require.Contains(t, p[0], "processor", "%v", err)
			refused++
			continue
		}
		if err != nil && strings.Contains(err.Error(), "is not the tower's") {
			continue // the reference makes pixels that its tower cannot take
		}
		require.NoError(t, err, "%s %s", row.Base, about)
		loaded++
		c := s.Vision.Preprocess
		require.Equal(t, row.Image.Mean, c.Mean, "%s", about)
		require.Equal(t, row.Image.Std, c.Std, "%s", about)
		mean, std, factor := c.VideoMean, c.VideoStd, c.VideoRescaleFactor
		if std == [3]float32{} {
			mean, std, factor = c.Mean, c.Std, c.RescaleFactor
		}
		require.Equal(t, row.Video.Mean, mean, "%s", about)
		require.Equal(t, row.Video.Std, std, "%s", about)
		for want, got := range map[float64]float64{
			row.Image.Factor: c.RescaleFactor, row.Video.Factor: factor,
		} {
			if got == 0 {
				got = 1. / 255
			}
			require.Equal(t, want, got, "%s", about)
		}
		for i, wh := range sizes {
			g, _, err := c.Size(wh[0], wh[1], preprocess.Limits{})
			require.NoError(t, err)
			require.Equal(t, row.Image.Grids[i], []int{g.T, g.H, g.W}, "%s %s %v", row.Base, about, wh)
			for j, n := range frames {
				want := row.Video.Grids[j*len(sizes)+i]
				g, _, err := c.VideoSize(n, wh[0], wh[1], preprocess.Limits{})
				require.NoError(t, err)
				if want != nil { // it refuses clips shorter than a patch
					require.Equal(t, want, []int{g.T, g.H, g.W}, "%s %s %v %d", row.Base, about, wh, n)
				}
			}
		}
	}
	require.Greater(t, loaded, 100)
	require.Greater(t, refused, 50)
}
