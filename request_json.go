package qwenvl

// Messages and requests as JSON, so that a program can keep a conversation:
//
//	{"role": "user", "content": [{"type": "image", "path": "a.jpg"}, {"type": "text", "text": "…"}]}
//
//	{"messages": […], "max_tokens": 64, "sampling": {"temperature": 0.7}, "stop": ["\n"],
//	 "min_pixels": 3136, "max_pixels": 1003520, "template": {"enable_thinking": false},
//	 "tools": […], "continue_final": true}
//
// As with parts (part_json.go) nothing is lost without an error.

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

type messageJSON struct {
	Role    Role        `json:"role"`
	Content []*partJSON `json:"content"`
}

// MarshalJSON writes the message with all that its parts hold; see [Part.MarshalJSON].
//
// Errors: *[RequestError].
func (m Message) MarshalJSON() ([]byte, error) {
	out, err := m.json("Message")
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

func (m *Message) json(field string) (*messageJSON, error) {
	if !utf8.ValidString(string(m.Role)) {
		return nil, requestError(field+".Role", "is not UTF-8")
	}
	out := &messageJSON{Role: m.Role, Content: []*partJSON{}}
	for i := range m.Parts {
		p, err := m.Parts[i].json()
		if err != nil {
			return nil, &RequestError{Field: fmt.Sprintf("%s.Parts[%d]", field, i), Err: err}
		}
		out.Content = append(out.Content, p)
	}
	return out, nil
}

// UnmarshalJSON reads what MarshalJSON writes, and a content that is a string, as one text.
//
// Errors: *[RequestError].
func (m *Message) UnmarshalJSON(data []byte) error {
	out, err := readMessage("Message", data)
	if err == nil {
		*m = out
	}
	return err
}

func readMessage(field string, data []byte) (Message, error) {
	o := openObject(field, data)
	m := Message{Role: Role(o.str("role"))}
	if raw := o.rest["content"]; raw != nil && raw[0] == '"' {
		m.Parts = []Part{Text(o.str("content"))}
		return m, o.end()
	}
	o.list("content", func(i int, raw []byte) {
		p, err := readPart(fmt.Sprintf("%s.Parts[%d]", field, i), raw)
		if err != nil {
			o.fail(err)
			return
		}
		m.Parts = append(m.Parts, p)
	})
	return m, o.end()
}

type requestJSON struct {
	Messages      []*messageJSON    `json:"messages"`
	MaxTokens     int               `json:"max_tokens,omitempty"`
	Sampling      *Sampling         `json:"sampling,omitempty"`
	Stop          []string          `json:"stop,omitempty"`
	MinPixels     int               `json:"min_pixels,omitempty"`
	MaxPixels     int               `json:"max_pixels,omitempty"`
	Template      map[string]any    `json:"template,omitempty"`
	Tools         []json.RawMessage `json:"tools,omitempty"`
	ContinueFinal bool              `json:"continue_final,omitempty"`
}

// samplingJSON is a Sampling with the names of its keys.
type samplingJSON struct {
	Temperature       float64        `json:"temperature,omitempty"`
	TopK              int            `json:"top_k,omitempty"`
	TopP              float64        `json:"top_p,omitempty"`
	MinP              float64        `json:"min_p,omitempty"`
	RepetitionPenalty float64        `json:"repetition_penalty,omitempty"`
	PresencePenalty   float64        `json:"presence_penalty,omitempty"`
	FrequencyPenalty  float64        `json:"frequency_penalty,omitempty"`
	Seed              uint64         `json:"seed,omitempty"`
	TopH              float64        `json:"top_h,omitempty"`
	TypicalP          float64        `json:"typical_p,omitempty"`
	EpsilonCutoff     float64        `json:"epsilon_cutoff,omitempty"`
	EtaCutoff         float64        `json:"eta_cutoff,omitempty"`
	NoRepeatNGram     int            `json:"no_repeat_ngram,omitempty"`
	MinTokens         int            `json:"min_tokens,omitempty"`
	Rules             *SamplingRules `json:"rules,omitempty"`
}

// MarshalJSON writes the sampling with keys such as "top_k"; values that are 0 are left out.
//
// Errors: those of package json, for values that are not finite.
func (s Sampling) MarshalJSON() ([]byte, error) { return json.Marshal(samplingJSON(s)) }

// UnmarshalJSON reads what MarshalJSON writes.
//
// Errors: *[RequestError].
func (s *Sampling) UnmarshalJSON(data []byte) error {
	var out samplingJSON
	// encoding/json would take keys in any case for a field's, the last of them.
	err := uniqueKeys(newReader(data), func(key string) bool { return key == strings.ToLower(key) })
	if err == nil {
		err = strictDecode(data, &out)
	}
	if err != nil {
		return &RequestError{Field: "Sampling", Err: err}
	}
	*s = Sampling(out)
	return nil
}

// MarshalJSON writes the request but for Progress; see [Part.MarshalJSON] for pictures.
//
// Errors: *[RequestError]; those of package json for values that it cannot write, such as NaN.
func (r Request) MarshalJSON() ([]byte, error) {
	out := requestJSON{
		Messages: []*messageJSON{}, MaxTokens: r.MaxTokens, Sampling: r.Sampling, Stop: r.Stop,
		MinPixels: r.MinPixels, MaxPixels: r.MaxPixels, Template: r.Template, Tools: r.Tools,
		ContinueFinal: r.ContinueFinal,
	}
	for i := range r.Messages {
		m, err := r.Messages[i].json(fmt.Sprintf("Messages[%d]", i))
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, m)
	}
	for i, s := range r.Stop {
		if !utf8.ValidString(s) {
			return nil, requestError(fmt.Sprintf("Stop[%d]", i), "is not UTF-8")
		}
	}
	for name, v := range r.Template {
		if !validText(name) || !validText(v) {
			return nil, requestError(fmt.Sprintf("Template[%.40q]", name), "is not UTF-8")
		}
	}
	return json.Marshal(out)
}

// validText reports whether all strings in a template variable are UTF-8, of which JSON is made.
func validText(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		for _, x := range v {
			if !validText(x) {
				return false
			}
		}
	case map[string]any:
		for name, x := range v {
			if !validText(name) || !validText(x) {
				return false
			}
		}
	}
	return true
}

// UnmarshalJSON reads what MarshalJSON writes. Numbers in Template become [json.Number], which
// templates read as they are written.
//
// Errors: *[RequestError].
func (r *Request) UnmarshalJSON(data []byte) error {
	o := openObject("Request", data)
	var out Request
	o.list("messages", func(i int, raw []byte) {
		m, err := readMessage(fmt.Sprintf("Messages[%d]", i), raw)
		if err != nil {
			o.fail(err)
			return
		}
		out.Messages = append(out.Messages, m)
	})
	out.MaxTokens = o.int("max_tokens")
	o.decode("sampling", &out.Sampling)
	o.decode("stop", &out.Stop)
	out.MinPixels, out.MaxPixels = o.int("min_pixels"), o.int("max_pixels")
	o.decode("template", &out.Template)
	o.decode("tools", &out.Tools)
	out.ContinueFinal = o.bool("continue_final")
	err := o.end()
	if err == nil {
		out.Progress = r.Progress
		*r = out
	}
	return err
}
