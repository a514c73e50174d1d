package conformance_test

// Checkpoints as versions of the reference save them (testdata/saved/make.py): what these write
// beside the weights, and how they name them, gives the fixture's prompts and tokens.

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
)

// saved is what make.py tells of a folder that a version saved.
type saved struct {
	Fixture string
	Files   map[string]string // where each is: in a folder beside, the fixture, or the weights
	// Tokenizer is what differs in tokenizer.json, which is large, from the fixture's.
	Tokenizer map[string]any
	Rename    [][2]string       // prefixes of tensors' names
	Add       map[string]string // tensors that another is equal to
	Turned    []string          // those whose last two axes are exchanged
}

// files returns the folder whole.
func (s saved) files(t *testing.T) fstest.MapFS {
	x := ckpt.Read(t, filepath.Join(testdata, s.Fixture))
	original := x.Files
	x.Files = map[string][]byte{}
	shards := 0
	for name, at := range s.Files {
		switch at {
		case "weights":
			if strings.HasPrefix(name, "model-") {
				shards++
			}
		case "fixture":
			require.Contains(t, original, name)
			x.Files[name] = original[name]
		default:
			data, err := os.ReadFile(filepath.Join(testdata, "saved", at, name))
			require.NoError(t, err)
			x.Files[name] = data
		}
	}
	for path, value := range s.Tokenizer {
		x.Set(t, "tokenizer.json", path, value)
	}
	for _, w := range x.Tensors {
		for _, r := range s.Rename {
			if rest, ok := strings.CutPrefix(w.Name, r[0]); ok {
				w.Name = r[1] + rest
				break
			}
		}
	}
	for _, name := range s.Turned {
		turn(x.Tensor(t, name))
	}
	for name, other := range s.Add {
		w := *x.Tensor(t, other)
		w.Name = name
		x.Tensors = append(x.Tensors, &w)
	}
	if shards > 0 {
		return x.Shards(t, shards)
	}
	return x.FS()
}

// turn exchanges the last two axes of stacked matrices in float32.
func turn(x *ckpt.Tensor) {
	n, rows, cols := x.Shape[0], x.Shape[1], x.Shape[2]
	old, turned := x.Values(), make([]float32, n*rows*cols)
	for i := range turned {
		m, row, col := i/(rows*cols), i/rows%cols, i%rows
		turned[i] = old[m*rows*cols+col*cols+row]
	}
	x.Shape = []int{n, cols, rows}
	x.Set(turned)
}

func TestSavedByVersions(t *testing.T) {
	dirs, err := filepath.Glob(testdata + "/saved/*/*")
	require.NoError(t, err)
	versions := map[string]bool{}
	for _, dir := range dirs {
		version, name := filepath.Base(filepath.Dir(dir)), filepath.Base(dir)
		versions[version] = true
		t.Run(version+"/"+name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, "saved.json"))
			require.NoError(t, err)
			var s saved
			require.NoError(t, json.Unmarshal(data, &s))
			files := s.files(t)
			m, err := qwenvl.LoadFS(files, qwenvl.WithThreads(2))
			require.NoError(t, err)
			defer m.Close()
			fixture, err := qwenvl.Inspect(filepath.Join(testdata, s.Fixture))
			require.NoError(t, err)
			in, err := qwenvl.InspectFS(files)
			require.NoError(t, err)
			require.Equal(t, fixture.Parameters, in.Parameters)
			require.Equal(t, fixture.Info.ContextSize, in.Info.ContextSize)
			if fixture.Info.Pictures {
				for _, size := range [][2]int{{20, 30}, {100, 90}, {4000, 3000}} {
					want, err := fixture.PictureTokens(size[0], size[1])
					require.NoError(t, err)
					got, err := in.PictureTokens(size[0], size[1])
					require.NoError(t, err)
					require.Equal(t, want, got, "tokens of a picture of %v", size)
				}
			}
			f, err := golden.Open(filepath.Join(testdata, s.Fixture))
			require.NoError(t, err)
			for _, name := range f.Cases[:2] { // not video_odd, where versions differ in positions
				c, err := f.Case(name)
				require.NoError(t, err)
				want, ok := c.Stage("generated_ids")
				require.True(t, ok)
				got, err := m.Generate(context.Background(), caseRequest(t, c))
				require.NoError(t, err)
				require.Equal(t, toInts(want.Ints), got.Tokens, name)
			}
		})
	}
	require.GreaterOrEqual(t, len(versions), 6)
}
