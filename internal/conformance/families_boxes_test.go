package conformance_test

// Places in pictures, in each family's notation, end to end.

import (
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// Each family's own notation and convention, from the checkpoint to pixels of the picture that the caller sees: two pictures, of which one
// is stored on its side and resized for the tower.
func TestFamilyBoxes(t *testing.T) {
	const turned = testdata + "/images/formats/exif_6.jpg"
	f, err := os.Open(turned)
	require.NoError(t, err)
	stored, _, err := image.DecodeConfig(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NotEqual(t, stored.Width, stored.Height)
	w, h := float64(stored.Height), float64(stored.Width) // as the caller sees it
	other := readImage(t, "chelsea_crop.png").Bounds()

	// What a family writes for x from 1/4 to 3/4 and y from 1/2 to 1 of a picture resized to the given size, and the error of rounding in
	// parts of a side.
	thousandths := func(int, int) (string, [2]float64) {
		return `[{"bbox_2d": [250, 500, 750, 1000], "label": "cat"}]`, [2]float64{}
	}
	tagged := func(ref, refEnd, box, boxEnd string) func(rw, rh int) (string, [2]float64) {
		return func(int, int) (string, [2]float64) {
			return ref + "cat" + refEnd + box + "(250,500),(750,1000)" + boxEnd, [2]float64{}
		}
	}
	for name, write := range map[string]func(rw, rh int) (string, [2]float64){
		"qwen-vl-small":     tagged("<ref>", "</ref>", "<box>", "</box>"),
		"qwen2_vl-tiny":     tagged("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
		"qwen3_vl_moe-tiny": thousandths,
		"qwen3_5_moe-tiny":  thousandths,
		"qwen2_5_vl-tiny": func(rw, rh int) (string, [2]float64) {
			return fmt.Sprintf("```json\n[{\"bbox_2d\": [%d, %d, %d, %d], \"label\": \"cat\"}]\n```", rw/4, rh/2, rw-rw/4, rh),
				[2]float64{1 / float64(rw), 1 / float64(rh)}
		},
		"kimi-vl-tiny": func(int, int) (string, [2]float64) {
			return `{"bbox_2d": [0.25, 0.5, 0.75, 1.0], "label": "cat"}`, [2]float64{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, familyFixtures, name)
			m, err := qwenvl.Load(filepath.Join(testdata, name))
			require.NoError(t, err)
			defer func() { require.NoError(t, m.Close()) }()

			second := qwenvl.ImageFile(turned)
			second.Name = "b.jpg"
			r := qwenvl.Request{
				Messages:  []qwenvl.Message{qwenvl.User(qwenvl.Image(readImage(t, "chelsea_crop.png")), second, qwenvl.Text("Where?"))},
				MaxPixels: 128 * 128,
			}
			if name == "qwen3_5_moe-tiny" { // others do not ask
				r.Template = map[string]any{"enable_thinking": false}
			}
			var sizes [][2]int
			look := func(x *processor.Prompt) {
				for _, medium := range x.Media {
					sizes = append(sizes, [2]int{medium.Resized.W, medium.Resized.H})
				}
			}
			r.MaxTokens = 1
			_, err = m.Generate(hooks.With(context.Background(), &hooks.Hooks{Prompt: look}), r)
			require.NoError(t, err)
			require.Len(t, sizes, 2)
			require.NotEqual(t, w, float64(sizes[1][0]), "it is resized")
			answer, rounding := write(sizes[1][0], sizes[1][1])
			first, _ := write(sizes[0][0], sizes[0][1])
			forced, err := m.Tokenize(first + " and in Picture 2: " + answer)
			require.NoError(t, err)

			r.MaxTokens = len(forced)
			resp, err := m.Generate(hooks.With(context.Background(), &hooks.Hooks{Forced: forced, IgnoreEOS: true}), r)
			require.NoError(t, err)
			boxes := resp.Boxes()
			require.Len(t, boxes, 2, "%s", resp.Text)
			for i, side := range [][2]float64{{float64(other.Dx()), float64(other.Dy())}, {w, h}} {
				b := boxes[i]
				require.Equal(t, i, b.Picture)
				require.Equal(t, "cat", b.Label)
				require.Equal(t, qwenvl.ShapeBox, b.Shape)
				for k, at := range [][2]float64{{b.X0, 0.25 * side[0]}, {b.Y0, 0.5 * side[1]}, {b.X1, 0.75 * side[0]}, {b.Y1, side[1]}} {
					require.InDelta(t, at[1], at[0], rounding[k%2]*side[k%2]+1e-9, "side %d of %d", k, i)
				}
			}
		})
	}
}
