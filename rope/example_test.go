package rope_test

import (
	"fmt"
	"math"

	"github.com/qwenvl/qwenvl/rope"
)

// A prompt of ten tokens, of which six stand for a picture of 4 by 6 patches that merge by twos.
// The text after the picture goes on behind the longer of its sides, so tokens that are generated
// have positions three smaller than their place.
func ExampleIndex() {
	picture := rope.Media{Start: 2, Grid: rope.Grid{T: 1, H: 4, W: 6}, Merge: 2}
	positions, delta, err := rope.Index(10, []rope.Media{picture})
	if err != nil {
		panic(err)
	}
	fmt.Println(positions[:4]) // time, height, width
	fmt.Println(positions[4:])
	fmt.Println(delta)
	// Output:
	// [[0 0 0] [1 1 1] [2 2 2] [2 2 3]]
	// [[2 2 4] [2 3 2] [2 3 3] [2 3 4] [5 5 5] [6 6 6]]
	// -3
}

// A head of eight channels has four frequencies. The first two follow time, one the height and one
// the width.
func ExampleNew() {
	r := rope.New(rope.Config{Dim: 8, Theta: 10000, Section: []int{2, 1, 1}})
	cos, sin := make([]float32, r.Half()), make([]float32, r.Half())
	r.Fill(cos, sin, rope.Position{0, 0, 1000})
	fmt.Printf("%.3f %.3f\n", cos, sin)
	fmt.Printf("%.3f\n", math.Sin(1000*math.Pow(10000, -6.0/8)))
	// Output:
	// [1.000 1.000 1.000 0.540] [0.000 0.000 0.000 0.841]
	// 0.841
}
