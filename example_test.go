package qwenvl_test

// Examples as a user would write them; each runs, and prints what it says.

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

// A checkpoint is a folder as it is published. This one is small and part of the repository.
func Example() {
	m, err := qwenvl.Load("internal/tiny/model", qwenvl.WithThreads(2), qwenvl.WithContextSize(8192))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	resp, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("testdata/digits.png"),
			qwenvl.Text("Read the text."),
		)},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text)
	// Output: 40718
}

// A checkpoint that is compiled into the program, in an embed.FS.
func ExampleLoadFS() {
	m, err := qwenvl.LoadFS(qwenvltest.FS())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Close())
	// Output: <nil>
}

// What is wrong with a checkpoint is told by file and field.
func ExampleLoad_error() {
	_, err := qwenvl.Load("testdata/nowhere")
	var broken *qwenvl.CheckpointError
	if errors.As(err, &broken) {
		fmt.Println("not usable:", broken.File)
	}
	// Output: not usable: testdata/nowhere
}

func ExampleModel_Generate() {
	m := tinyModel()
	defer m.Close()
	resp, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("testdata/scene.png"),
			qwenvl.Text("Describe the picture."),
		)},
		MaxTokens: 64,
		Sampling:  qwenvl.Greedy(),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text)
	fmt.Println(resp.Finish, resp.Usage.PromptTokens, "prompt tokens,", resp.Usage.VisionTokens, "of them picture")
	// Output:
	// a red circle, a yellow star and a blue square
	// stop 55 prompt tokens, 30 of them picture
}

// Pictures may stand in any turn, and several in one.
func ExampleModel_Generate_severalPictures() {
	m := tinyModel()
	defer m.Close()
	resp, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{
			qwenvl.User(qwenvl.ImageFile("testdata/shapes.png"), qwenvl.Text("Describe the picture.")),
			qwenvl.Assistant(qwenvl.Text("a green triangle and a blue square")),
			qwenvl.User(qwenvl.ImageFile("testdata/digits.png"), qwenvl.Text("Read the text.")),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text)
	// Output: 40718
}

// A box is text between special tokens, in thousandths of the picture's width and height.
func ExampleModel_Generate_box() {
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
	fmt.Println(resp.Text)
	// Output: <|object_ref_start|>red circle<|object_ref_end|><|box_start|>(80,100),(390,470)<|box_end|>
}

func ExampleModel_Stream() {
	m := tinyModel()
	defer m.Close()
	for d, err := range m.Stream(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(
			qwenvl.ImageFile("testdata/shapes.png"),
			qwenvl.Text("Describe the picture."),
		)},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(d.Text) // leaving the loop would cancel the request
	}
	fmt.Println()
	// Output: a green triangle and a blue square
}

// The size that a picture is resized to decides how many tokens it takes.
func ExampleModel_CountTokens() {
	m := tinyModel()
	defer m.Close()
	r := qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(
		qwenvl.ImageFile("testdata/scene.png"),
		qwenvl.Text("Describe the picture."),
	)}}
	n, err := m.CountTokens(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)
	r.MaxPixels = 84 * 84
	n, err = m.CountTokens(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)
	// Output:
	// 55
	// 31
}

// Spellings of special tokens in a text are plain text.
func ExampleModel_Tokenize() {
	m := tinyModel()
	defer m.Close()
	for _, text := range []string{"red", "<|im_end|>"} {
		ids, err := m.Tokenize(text)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(ids))
	}
	// Output:
	// 2
	// 9
}

// tinyModel is the embedded model.
func tinyModel() *qwenvl.Model {
	m, err := qwenvl.LoadFS(qwenvltest.FS())
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// A picture's features, pooled, say how alike pictures are.
func ExampleModel_Features() {
	m := tinyModel()
	defer m.Close()
	pooled := func(file string) []float64 {
		f, err := m.Features(context.Background(), qwenvl.ImageFile(file))
		if err != nil {
			log.Fatal(err)
		}
		sum := make([]float64, f.Adapter.Cols)
		for i := range f.Adapter.Rows {
			for j, v := range f.Adapter.Row(i) {
				sum[j] += float64(v)
			}
		}
		return sum
	}
	cosine := func(a, b []float64) float64 {
		var ab, aa, bb float64
		for i := range a {
			ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
		}
		return ab / math.Sqrt(aa*bb)
	}
	digits, shapes := pooled("testdata/digits.png"), pooled("testdata/shapes.png")
	scene := pooled("testdata/scene.png")
	fmt.Println("shapes are more like a scene:", cosine(shapes, scene) > cosine(shapes, digits))
	// Output: shapes are more like a scene: true
}

// How probable a model finds a text: from the logits of each token, the score of the next.
func ExampleModel_Hidden() {
	m := tinyModel()
	defer m.Close()
	perplexity := func(answer string) float64 {
		h, err := m.Hidden(context.Background(), qwenvl.Request{
			Messages: []qwenvl.Message{
				qwenvl.User(qwenvl.ImageFile("testdata/digits.png"), qwenvl.Text("Read the text.")),
				qwenvl.Assistant(qwenvl.Text(answer)),
			},
			ContinueFinal: true,
		}, qwenvl.HiddenOptions{})
		if err != nil {
			log.Fatal(err)
		}
		said, err := m.Tokenize(answer)
		if err != nil {
			log.Fatal(err)
		}
		loss := 0.0
		for i := len(h.Tokens) - len(said); i < len(h.Tokens); i++ {
			sum := 0.0
			for _, v := range h.Logits.Row(i - 1) {
				sum += math.Exp(float64(v))
			}
			loss += math.Log(sum) - float64(h.Logits.Row(i - 1)[h.Tokens[i]])
		}
		return math.Exp(loss / float64(len(said)))
	}
	fmt.Println("right:", perplexity("40718") < 1.5)
	fmt.Println("wrong:", perplexity("40719") < 1.5)
	// Output:
	// right: true
	// wrong: false
}
