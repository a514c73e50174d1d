package main

// Odd pictures: what is decoded is what Pillow decodes, and what it refuses is refused.

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/png" // the recorded pixels
	"os"
	"path/filepath"
	"strings"

	"github.com/qwenvl/qwenvl/preprocess"
)

// pictureCase is a file and what must come of it.
type pictureCase struct {
	File      string
	Result    string
	Size      [2]int
	Tolerance int
	Expected  string // file of the pixels
	GoodRows  *int   `json:"good_rows"` // rows from the top that count
}

func judgePictures(j *judge, dir, _, _ string) error {
	var cases []pictureCase
	if err := readJSONFile(filepath.Join(dir, "expected.json"), &cases); err != nil {
		return err
	}
	for _, c := range cases {
		got := ""
		if err := c.judge(dir); err != nil {
			got = err.Error()
		}
		j.add("pictures", c.File, got, fmt.Sprintf("%s %dx%d", c.Result, c.Size[0], c.Size[1]))
	}
	return nil
}

// typed reports whether an error of a picture has one of the public types.
func typed(err error) bool {
	var (
		format *preprocess.FormatError
		limit  *preprocess.LimitError
	)
	return errors.As(err, &format) || errors.As(err, &limit) || unsupported(err)
}

func unsupported(err error) bool {
	var e *preprocess.UnsupportedError
	return errors.As(err, &e)
}

// judge decodes the file. An error is what is wrong.
func (c *pictureCase) judge(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, filepath.Base(c.File)))
	if err != nil {
		return err
	}
	m, err := preprocess.Decode(data, preprocess.DecodeOptions{})
	switch {
	case c.Result == "refuse" && err == nil:
		return fmt.Errorf("%dx%d", m.Width, m.Height)
	case c.Result == "refuse" && !typed(err):
		return fmt.Errorf("an error without a type: %w", err)
	case c.Result == "refuse", c.Result == "pixels or unsupported" && unsupported(err):
		return nil
	case c.Result != "pixels" && c.Result != "pixels or unsupported":
		return fmt.Errorf("unknown result %q", c.Result)
	case err != nil:
		return err
	}
	return c.compare(dir, m)
}

func (c *pictureCase) compare(dir string, m *preprocess.Image) error {
	if [2]int{m.Width, m.Height} != c.Size {
		return fmt.Errorf("%dx%d", m.Width, m.Height)
	}
	data, err := os.ReadFile(filepath.Join(dir, c.Expected))
	if err != nil {
		return err
	}
	want, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if b := want.Bounds(); b.Dx() != m.Width || b.Dy() != m.Height {
		return fmt.Errorf("%v of pixels were recorded", b)
	}
	rows := m.Height
	if c.GoodRows != nil {
		rows = *c.GoodRows
	}
	allowed := c.Tolerance
	if strings.HasSuffix(c.File, ".jpg") { // cases allow what a transform that rounds otherwise needs
		allowed = 0
	}
	wrong, most := 0, 0
	for y := range rows {
		for x := range m.Width {
			r, g, b, _ := want.At(x, y).RGBA()
			for i, v := range [3]uint32{r, g, b} {
				d := int(m.Pix[3*(y*m.Width+x)+i]) - int(v>>8)
				if d = max(d, -d); d > allowed {
					wrong++
				}
				most = max(most, d)
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d values differ by up to %d", wrong, most)
	}
	return nil
}
