package preprocess_test

import (
	"fmt"
	"os"

	"github.com/qwenvl/qwenvl/preprocess"
)

var config = preprocess.Config{
	PatchSize: 14, MergeSize: 2, TemporalPatchSize: 2,
	MinPixels: 56 * 56, MaxPixels: 28 * 28 * 1280,
	Mean: [3]float32{0.48145466, 0.4578275, 0.40821073},
	Std:  [3]float32{0.26862954, 0.26130258, 0.27577711},
}

// A file becomes patches of a vision tower.
func Example() {
	data, err := os.ReadFile("../testdata/images/formats/exif_6.jpg")
	if err != nil {
		panic(err)
	}
	img, err := preprocess.Decode(data, preprocess.DecodeOptions{})
	if err != nil {
		panic(err)
	}
	patches, err := config.Image(img, preprocess.Limits{})
	if err != nil {
		panic(err)
	}
	fmt.Println(img.Width, img.Height)
	fmt.Println(patches.Resized, patches.Grid, patches.N, patches.Dim)
	// Output:
	// 45 61
	// {56 56} {1 4 4} 16 1176
}

// The number of tokens of a picture follows from its size alone.
func ExampleConfig_Size() {
	grid, resized, err := config.Size(1920, 1080, preprocess.Limits{})
	fmt.Println(grid, resized, grid.Merged(2), err)
	_, _, err = config.Size(10, 2001, preprocess.Limits{})
	fmt.Println(err)
	// Output:
	// {1 52 94} {1316 728} 1222 <nil>
	// preprocess: size: 10x2001: aspect ratio is over 200
}

func ExampleSmartResize() {
	w, h, err := preprocess.SmartResize(70, 70, 28, 56*56, 28*28*16384)
	fmt.Println(w, h, err) // 2.5 steps of 28 round to the even number of steps
	// Output: 56 56 <nil>
}
