package qwenvl_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/qwenvl/qwenvl"
)

// Places can be drawn while the answer is being written.
func ExampleAccumulator() {
	m := tinyModel()
	defer m.Close()
	var acc qwenvl.Accumulator
	drawn := 0
	for d, err := range m.Stream(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("testdata/scene.png"),
			qwenvl.Text("Where is the red circle?"),
		)},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		acc.Add(d)
		for _, b := range acc.Response().Boxes()[drawn:] {
			fmt.Println("draw", b.Label)
			drawn++
		}
	}
	fmt.Println(acc.Response().Finish)
	// Output:
	// draw red circle
	// stop
}

// An answer that is kept has what its boxes need, without the pictures.
func ExampleResponse_MarshalJSON() {
	m := tinyModel()
	defer m.Close()
	resp, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("testdata/scene.png"),
			qwenvl.Text("Where is the red circle?"),
		)},
	})
	if err != nil {
		log.Fatal(err)
	}
	kept, err := json.Marshal(resp)
	if err != nil {
		log.Fatal(err)
	}
	var later qwenvl.Response
	if err := json.Unmarshal(kept, &later); err != nil {
		log.Fatal(err)
	}
	fmt.Println(later.Boxes()[0].Label, len(later.Boxes()) == len(resp.Boxes()))
	// Output: red circle true
}
