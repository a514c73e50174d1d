package qwenvl_test

// Examples of what requests are made of, how they are kept, and how a model begins and ends.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"log"
	"os"
	"time"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

// A picture inside a text, as web pages and chat services have them. Other URLs are not fetched.
func ExampleImageURL() {
	m := tinyModel()
	defer m.Close()
	file, err := os.ReadFile("testdata/digits.png")
	if err != nil {
		log.Fatal(err)
	}
	for _, url := range []string{
		"data:image/png;base64," + base64.StdEncoding.EncodeToString(file),
		"https://example.com/digits.png",
	} {
		resp, err := m.Generate(context.Background(), qwenvl.Request{
			Messages: []qwenvl.Message{qwenvl.User(qwenvl.ImageURL(url), qwenvl.Text("Read the text."))},
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(resp.Text)
	}
	// Output:
	// 40718
	// qwenvl: request: Messages[0].Parts[0]: "https" URLs are not read: this library fetches nothing; fetch it and give its bytes to ImageBytes, or a reader of them to ImageReader
}

// A picture from an upload, a response's body or an archive.
func ExampleImageReader() {
	m := tinyModel()
	defer m.Close()
	upload, err := os.Open("testdata/digits.png")
	if err != nil {
		log.Fatal(err)
	}
	defer upload.Close()
	resp, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(qwenvl.ImageReader(upload), qwenvl.Text("Read the text."))},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text)
	// Output: 40718
}

// A format that this library does not read, by a decoder of the program's own: here bare pixels.
func ExampleWithDecoder() {
	sniff := func(data []byte) bool { return bytes.HasPrefix(data, []byte("GRAY")) }
	decode := func(data []byte) (image.Image, error) {
		const side = 56
		if len(data) != 4+side*side {
			return nil, errors.New("not 56 × 56 pixels")
		}
		return &image.Gray{Pix: data[4:], Stride: side, Rect: image.Rect(0, 0, side, side)}, nil
	}
	m, err := qwenvl.LoadFS(qwenvltest.FS(), qwenvl.WithDecoder("bare gray", sniff, decode))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for _, size := range []int{56 * 56, 55 * 56} {
		file := append([]byte("GRAY"), make([]byte, size)...)
		n, err := m.CountTokens(qwenvl.Request{
			Messages: []qwenvl.Message{qwenvl.User(qwenvl.ImageBytes(file), qwenvl.Text("Read the text."))},
		})
		fmt.Println(n, err)
	}
	// Output:
	// 29 <nil>
	// 0 qwenvl: request: Messages[0].Parts[0]: preprocess: bare gray: not 56 × 56 pixels
}

// A conversation is kept as JSON, with the pictures in it, and goes on later.
func ExampleMessage_MarshalJSON() {
	m := tinyModel()
	defer m.Close()
	said := []qwenvl.Message{
		qwenvl.User(qwenvl.ImageFile("testdata/digits.png"), qwenvl.Text("Read the text.")),
	}
	kept, err := json.Marshal(said)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", kept)

	var again []qwenvl.Message
	if err := json.Unmarshal(kept, &again); err != nil {
		log.Fatal(err)
	}
	fmt.Println(again[0])
	resp, err := m.Generate(context.Background(), qwenvl.Request{Messages: again})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text)
	// Output:
	// [{"role":"user","content":[{"type":"image","path":"testdata/digits.png"},{"type":"text","text":"Read the text."}]}]
	// user: [image file "testdata/digits.png"; text "Read the text."]
	// 40718
}

// What is wrong with a request is told by the field where it stands.
func ExampleRequestError() {
	m := tinyModel()
	defer m.Close()
	for _, r := range []qwenvl.Request{
		{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("Look:"), qwenvl.ImageBytes(nil))}},
		{Messages: []qwenvl.Message{{Role: "customer"}}},
		{Messages: []qwenvl.Message{qwenvl.User()}, MaxPixels: -1},
		{Messages: []qwenvl.Message{qwenvl.User()}, Template: map[string]any{"add_vision_ids": true}},
	} {
		_, err := m.Generate(context.Background(), r)
		var wrong *qwenvl.RequestError
		if errors.As(err, &wrong) {
			fmt.Println(wrong.Field)
		}
	}
	// Output:
	// Messages[0].Parts[1]
	// Messages[0].Role
	// MaxPixels
	// Template["add_vision_ids"]
}

// A service that ends gives its requests some time, and then ends all the same.
func ExampleModel_Shutdown() {
	m := tinyModel()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := m.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		log.Print("requests were cancelled")
	}
	_, err := m.Generate(context.Background(), qwenvl.Request{
		Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("Hello"))},
	})
	fmt.Println(errors.Is(err, qwenvl.ErrClosed))
	// Output: true
}

// The weights of the vision tower are packed before the first user's picture comes.
func ExampleModel_Warm() {
	m, err := qwenvl.LoadFS(qwenvltest.FS(), qwenvl.WithWeightFormat(qwenvl.Int8))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	go func() {
		if err := m.Warm(context.Background()); err != nil && !errors.Is(err, qwenvl.ErrClosed) {
			log.Print("the first picture will wait: ", err)
		}
	}()
	n, err := m.CountTokens(qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("Hello"))}})
	fmt.Println(n > 0, err)
	// Output: true <nil>
}
