package main

import (
	"fmt"
	"os"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/weights"
)

// formats returns how the checkpoint stores the matrices of decoder and tower. All arithmetic is float32 whatever they are stored in, so f32 is
// always met; bf16 is refused where they are something else.
func formats(c config) (text, tower string, err error) {
	spec, err := family.Load(os.DirFS(c.model))
	if err != nil {
		return "", "", err
	}
	src, err := weights.OpenDir(c.model)
	if err != nil {
		return "", "", err
	}
	defer src.Close()
	names := spec.Layout(src).Names
	text = stored(src, names("embed.weight").Name)
	tower = stored(src, names("vision.patch_embed.weight").Name)
	for _, f := range []struct{ wish, have string }{{c.format, text}, {c.visionFormat, tower}} {
		if f.wish == "bf16" && f.have != "" && f.have != f.wish {
			return "", "", fmt.Errorf("format %s: the checkpoint has %s, and weights are used as they are stored", f.wish, f.have)
		}
	}
	return text, tower, nil
}

func stored(src *weights.Source, name string) string {
	t, ok := src.Tensor(name)
	if !ok {
		return ""
	}
	return map[weights.DType]string{weights.F32: "f32", weights.BF16: "bf16", weights.F16: "f16"}[t.DType]
}

// exactGrid reports whether a picture kept its size: as many patches as its pixels make.
func exactGrid(m *qwenvl.Model, c config, patches int) bool {
	side := m.Info().PatchSize
	return side > 0 && c.width%side == 0 && c.height%side == 0 && patches == (c.width/side)*(c.height/side)
}
