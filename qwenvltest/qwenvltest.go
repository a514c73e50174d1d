// Package qwenvltest is a model for tests: a small trained one inside the program, so that code
// that uses package qwenvl can be tested anywhere, at once, with nothing downloaded.
//
//	func TestCaption(t *testing.T) {
//		m := qwenvltest.Load(t)
//		q := qwenvltest.Questions()[0]
//		got := caption(m, q.Picture) // code of one's own
//		...
//	}
//
// The model is a Qwen2-VL in every detail of its architecture, with two million parameters. It
// takes pictures and videos, has a chat template, a tokenizer and special tokens as the published
// models do, streams, and names places. What it knows is four questions about small synthetic
// pictures: see [Questions], and [Asks] for their kinds. To all else its answer is a guess, but on
// one machine always the same one with [qwenvl.Greedy]. It has learned single questions only: in a
// second turn it guesses too.
//
// Loading it takes some milliseconds, an answer some tens of them. A program that imports this
// package carries the 4 MB of the model.
package qwenvltest

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/tiny"
)

// FS returns the model's checkpoint as it would lie in a folder, for [qwenvl.LoadFS] and
// [qwenvl.InspectFS], or for tests that change its files.
func FS() fs.FS { return tiny.FS() }

// Open loads the model. It is for programs and Examples; tests have [Load].
//
// Errors: those of the options.
func Open(opts ...qwenvl.Option) (*qwenvl.Model, error) { return qwenvl.LoadFS(FS(), opts...) }

// TB is what Load wants of a *testing.T, *testing.B or *testing.F.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Load loads the model for the length of a test. What does not load, or close, fails the test.
func Load(t TB, opts ...qwenvl.Option) *qwenvl.Model {
	t.Helper()
	m, err := Open(opts...)
	if err != nil {
		t.Fatalf("qwenvltest: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Fatalf("qwenvltest: close: %v", err)
		}
	})
	return m
}

// Asks are the kinds of questions that the model knows, for a program that tells its users. A shape
// is a circle, square, triangle or star, and red, green, blue, yellow, purple or black.
func Asks() []string {
	return []string{"Read the text.", "Describe the picture.", "How many shapes are there?",
		"Where is the red circle?"}
}

// Question is a question that the model answers rightly.
type Question struct {
	Picture []byte // a PNG file
	Text    string
	Answer  string
}

//go:embed pictures
var pictures embed.FS

// Questions returns a question of each kind, in the order of [Asks]. Pictures are the caller's own.
func Questions() []Question {
	asks := Asks()
	return []Question{
		{picture("digits"), asks[0], "40718"},
		{picture("shapes"), asks[1], "a green triangle and a blue square"},
		{picture("scene"), asks[2], "3"},
		{picture("scene"), asks[3], "<|object_ref_start|>red circle<|object_ref_end|>" +
			"<|box_start|>(80,100),(390,470)<|box_end|>"},
	}
}

func picture(name string) []byte {
	data, err := pictures.ReadFile("pictures/" + name + ".png")
	if err != nil {
		panic("qwenvltest: a picture is gone")
	}
	return data
}

// String is the question without the picture's bytes.
func (q Question) String() string { return fmt.Sprintf("%q about a picture", q.Text) }

// Request asks the question. The answer is Answer with any weight format but [qwenvl.Int4], which
// rounds this model's few numbers too coarsely to promise it.
func (q Question) Request() qwenvl.Request {
	return qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(qwenvl.ImageBytes(q.Picture),
			qwenvl.Text(q.Text))},
		MaxTokens: 64,
		Sampling:  qwenvl.Greedy(),
	}
}
