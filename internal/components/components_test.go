package components

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/testkit"
	"github.com/qwenvl/qwenvl/internal/testkit/ckpt"
	"github.com/qwenvl/qwenvl/internal/weights"
)

const testdata = "../../testdata"

func TestMain(m *testing.M) { testkit.Main(m, testdata, ".") }

// A tower's identity is that of its tensors, its description and its format, and nothing else's.
func TestIdentity(t *testing.T) {
	of := func(c *ckpt.Checkpoint, format tensor.Format) [sha256.Size]byte {
		t.Helper()
		from := checkpoint.OpenFS(c.FS())
		spec, err := family.Load(from)
		require.NoError(t, err)
		src, err := from.Tensors()
		require.NoError(t, err)
		defer func() { require.NoError(t, src.Close()) }()
		_, names := spec.Find(from, src)
		return Identity(spec, src, names, format)
	}
	for _, fixture := range []string{"qwen2_vl-tiny", "kimi-vl-tiny"} {
		base := ckpt.Read(t, testdata+"/"+fixture)
		want := of(base, tensor.F32)
		require.Equal(t, want, of(base.Clone(), tensor.F32))
		require.NotEqual(t, want, of(base, tensor.Int8))
		towers, others := 0, 0
		for i, x := range base.Tensors {
			c := base.Clone()
			c.Tensors[i].Update(func(i int, v float32) float32 { return v + 1 })
			name := x.Name
			if strings.Contains(name, "vis") || strings.Contains(name, "multi_modal") {
				require.NotEqual(t, want, of(c, tensor.F32), name)
				towers++
			} else {
				require.Equal(t, want, of(c, tensor.F32), name)
				others++
			}
		}
		require.Greater(t, towers, 10)
		require.Greater(t, others, 10)
	}
	vision := ckpt.Read(t, testdata+"/qwen2_vl-tiny")
	want := of(vision, tensor.F32)
	vision.Set(t, "preprocessor_config.json", "max_pixels", 100*100)
	require.NotEqual(t, want, of(vision, tensor.F32))
}

// What is packed is what the loader left unpacked, the decoder at once and the tower when asked.
func TestPack(t *testing.T) {
	from, err := checkpoint.Open(testdata + "/qwen2_vl-tiny")
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	defer func() { require.NoError(t, src.Close()) }()
	spec, names := spec.Find(from, src)
	ld := weights.NewLoader(src, names)
	ld.Parts(spec.Parts)
	c, err := Bind(spec, ld, tensor.Int8, tensor.Int4)
	require.NoError(t, err)
	require.NoError(t, ld.Finish())
	unpacked := func(m []*tensor.Matrix) (n int) {
		for _, x := range m {
			if x.Unpacked() {
				n++
			}
		}
		return n
	}
	decoder, tower := c.unpacked, c.unpackedTower
	require.Positive(t, unpacked(decoder))
	require.Positive(t, unpacked(tower))
	require.NoError(t, c.PackDecoder(src, 2))
	require.Zero(t, unpacked(decoder))
	require.Positive(t, unpacked(tower))
	ctx := t.Context()
	require.NoError(t, c.PackTower(ctx, src, 2))
	require.Zero(t, unpacked(tower))
	require.NoError(t, c.PackTower(ctx, src, 2), "a second time is nothing")
}
