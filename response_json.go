package qwenvl

// How an answer is kept: its fields, and what Boxes needs, as JSON. A later version may add fields,
// so those that are unknown are passed over; all others are as they must be.

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// ResponseError says what in the JSON of a [Response] cannot be.
type ResponseError struct {
	Field string // such as "usage.prompt_tokens"; "" when the whole is meant
	Err   error
}

func (e *ResponseError) Error() string {
	if e.Field == "" {
		return "qwenvl: response: " + e.Err.Error()
	}
	return "qwenvl: response: " + e.Field + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *ResponseError) Unwrap() error { return e.Err }

// Bounds of what is read.
const (
	maxResponse = 1 << 28          // bytes
	maxSeconds  = float64(1 << 33) // of a time
)

// conventions has the names of what coordinates count.
var conventions = []string{
	grounding.Thousandths: "thousandths", grounding.ResizedPixels: "resized_pixels",
	grounding.Unit: "fractions",
}

type responseJSON struct {
	Text      string         `json:"text"`
	Reasoning string         `json:"reasoning,omitempty"`
	Tokens    []int          `json:"tokens"`
	Finish    FinishReason   `json:"finish,omitempty"`
	Seed      uint64         `json:"seed,omitempty"`
	Usage     usageJSON      `json:"usage"`
	Timings   timingsJSON    `json:"timings"`
	Grounding *groundingJSON `json:"grounding,omitempty"`
}

type usageJSON struct {
	Prompt     int `json:"prompt_tokens"`
	Vision     int `json:"vision_tokens"`
	Completion int `json:"completion_tokens"`
}

// timingsJSON is in seconds.
type timingsJSON struct {
	Preprocess float64 `json:"preprocess"`
	Vision     float64 `json:"vision"`
	Prefill    float64 `json:"prefill"`
	Decode     float64 `json:"decode"`
	FirstToken float64 `json:"first_token"`
	Total      float64 `json:"total"`
}

type groundingJSON struct {
	Coordinates string     `json:"coordinates"`
	Pictures    []sizeJSON `json:"pictures"`
	Standard    int        `json:"default_picture"`
}

type sizeJSON struct {
	Width         int `json:"width"`
	Height        int `json:"height"`
	ResizedWidth  int `json:"resized_width"`
	ResizedHeight int `json:"resized_height"`
}

// MarshalJSON writes the answer with what [Response.Boxes] needs: the pictures' sizes, not their
// contents. Fields are text, reasoning, tokens, finish, seed, usage, timings (in seconds) and
// grounding; their names stay.
func (r Response) MarshalJSON() ([]byte, error) {
	t := r.Timings
	out := responseJSON{
		Text: r.Text, Reasoning: r.Reasoning, Tokens: r.Tokens, Finish: r.Finish, Seed: r.Seed,
		Usage: usageJSON{r.Usage.PromptTokens, r.Usage.VisionTokens, r.Usage.CompletionTokens},
		Timings: timingsJSON{t.Preprocess.Seconds(), t.Vision.Seconds(), t.Prefill.Seconds(),
			t.Decode.Seconds(), t.FirstToken.Seconds(), t.Total.Seconds()},
	}
	if g := r.grounding; len(g.pictures) > 0 {
		out.Grounding = &groundingJSON{Coordinates: conventions[g.convention], Standard: g.standard}
		for _, p := range g.pictures {
			out.Grounding.Pictures = append(out.Grounding.Pictures,
				sizeJSON{p.original.W, p.original.H, p.resized.W, p.resized.H})
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. Fields may be missing, but for what belongs to a
// picture; unknown ones are passed over.
//
// Errors: *[ResponseError].
func (r *Response) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // as all types do
	}
	if len(data) > maxResponse {
		return &ResponseError{Err: fmt.Errorf("%d bytes, at most %d", len(data), maxResponse)}
	}
	j := responseReader{*newReader(data)}
	var out Response
	var finish string
	u, t := &out.Usage, &out.Timings
	err := j.object("", members{
		"text":      j.text(&out.Text),
		"reasoning": j.text(&out.Reasoning),
		"tokens":    j.tokens(&out.Tokens),
		"finish":    j.text(&finish),
		"seed":      func() (err error) { out.Seed, err = j.Uint(); return err },
		"usage": j.members("usage", members{
			"prompt_tokens":     j.whole(&u.PromptTokens),
			"vision_tokens":     j.whole(&u.VisionTokens),
			"completion_tokens": j.whole(&u.CompletionTokens),
		}),
		"timings": j.members("timings", members{
			"preprocess": j.seconds(&t.Preprocess), "vision": j.seconds(&t.Vision),
			"prefill": j.seconds(&t.Prefill), "decode": j.seconds(&t.Decode),
			"first_token": j.seconds(&t.FirstToken), "total": j.seconds(&t.Total),
		}),
		"grounding": func() (err error) { out.grounding, err = j.grounding(); return err },
	})
	if err == nil {
		err = j.End()
	}
	if err != nil {
		return j.failed("", err)
	}
	out.Finish = FinishReason(finish)
	*r = out
	return nil
}

// responseReader reads a response's values into places.
type responseReader struct{ strictjson.Reader }

// members are what reads the value of each known key.
type members map[string]func() error

// failed gives an error its field, unless it has one.
func (j *responseReader) failed(field string, err error) error {
	var known *ResponseError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &ResponseError{Field: field, Err: err}
}

func (j *responseReader) members(field string, m members) func() error {
	return func() error { return j.object(field+".", m) }
}

func (j *responseReader) object(prefix string, m members) error {
	return j.Fields(twice, func(key string) error {
		if read := m[key]; read != nil {
			return j.failed(prefix+key, read())
		}
		_, err := j.Raw()
		return err
	})
}

// null reports whether the next value is null, and passes over it.
func (j *responseReader) null() (bool, error) {
	if j.Next() != 'n' {
		return false, nil
	}
	_, err := j.Raw()
	return true, err
}

func (j *responseReader) text(into *string) func() error {
	return func() error {
		if null, err := j.null(); null {
			return err
		}
		s, err := j.Str()
		*into = string(s)
		return err
	}
}

func (j *responseReader) tokens(into *[]int) func() error {
	return func() error {
		if null, err := j.null(); null {
			return err
		}
		*into = []int{}
		return j.Array(func() error {
			var id int
			err := j.whole(&id)()
			*into = append(*into, id)
			return err
		})
	}
}

// whole reads a whole number from 0 on.
func (j *responseReader) whole(into *int) func() error {
	return func() error {
		n, err := j.Uint()
		if err == nil && n > math.MaxInt32 {
			err = fmt.Errorf("%d is too large", n)
		}
		*into = int(min(n, math.MaxInt32))
		return err
	}
}

func (j *responseReader) seconds(into *time.Duration) func() error {
	return func() error {
		raw, err := j.Raw()
		if err != nil {
			return err
		}
		s, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || !(s >= 0 && s <= maxSeconds) {
			return fmt.Errorf("%.40q is not a time in seconds", raw)
		}
		*into = time.Duration(math.Round(s * float64(time.Second)))
		return nil
	}
}

func (j *responseReader) grounding() (g placing, err error) {
	coordinates := ""
	err = j.object("grounding.", members{
		"coordinates":     j.text(&coordinates),
		"default_picture": j.whole(&g.standard),
		"pictures": func() error {
			return j.Array(func() error {
				p, err := j.size(fmt.Sprintf("grounding.pictures[%d]", len(g.pictures)))
				g.pictures = append(g.pictures, p)
				return err
			})
		},
	})
	if err != nil {
		return placing{}, err
	}
	for c, name := range conventions {
		if name == coordinates {
			g.convention = grounding.Convention(c)
			if g.standard > 0 && g.standard >= len(g.pictures) {
				return placing{}, &ResponseError{Field: "grounding.default_picture",
					Err: fmt.Errorf("%d of %d pictures", g.standard, len(g.pictures))}
			}
			return g, nil
		}
	}
	return placing{}, &ResponseError{Field: "grounding.coordinates",
		Err: fmt.Errorf("unknown: %.40q", coordinates)}
}

func (j *responseReader) size(field string) (p pictureSize, err error) {
	err = j.object(field+".", members{
		"width": j.whole(&p.original.W), "height": j.whole(&p.original.H),
		"resized_width":  j.whole(&p.resized.W),
		"resized_height": j.whole(&p.resized.H),
	})
	if err == nil && min(p.original.W, p.original.H, p.resized.W, p.resized.H) < 1 {
		err = &ResponseError{Field: field, Err: errors.New("a side is missing, or 0")}
	}
	return p, err
}
