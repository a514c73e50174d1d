package chat

// The prompt of a family that publishes no template: pictures stand between tags, by name.

import (
	"fmt"
	"strings"
)

// PictureTags is the prompt of Qwen-VL, which publishes no template: ChatML whose pictures are
// lines
//
//	Picture N: <img>name</img>
//
// numbered over the whole conversation. Role, newline and content are tokenized each on their own.
//
// Marks of grounding in contents (<ref>, <box>, <quad>) are special, as the model writes and reads
// them. A user's own spellings of the picture tags stay text unless the variable
// "allow_picture_tags" is true, which is what the reference does.
//
// Source: Qwen-VL (arXiv 2308.12966), section 3; its hub code, make_context and from_list_format.
func PictureTags() Template {
	return &renderer{name: "picture tags", render: renderPictureTags, vars: []string{libraryVar},
		media: func(_ string, k Kind) bool { return k == Image }}
}

var (
	groundingTags = []string{"<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>"}
	pictureTags   = []string{"<img>", "</img>", "<imgpad>"}
)

func renderPictureTags(s *spans, r *Request) error {
	special := groundingTags
	if allow, _ := r.Vars[libraryVar].(bool); allow {
		special = append(append([]string{}, groundingTags...), pictureTags...)
	}
	messages := r.Messages
	if messages[0].Role != "system" {
		messages = append([]Message{{Role: "system", Content: []Part{{Text: "You are a helpful assistant."}}}}, messages...)
	}
	pictures := 0
	for i := range messages {
		m := &messages[i]
		if i > 0 {
			s.turn("\n")
		}
		s.turn("<|im_start|>")
		s.turn(m.Role)
		s.turn("\n")
		s.boundary()
		for _, p := range m.Content {
			if p.Kind == Image {
				pictures++
				s.write(fmt.Sprintf("Picture %d: <img>", pictures))
				s.insert(p.Name)
				s.write("</img>\n")
			} else {
				s.marked(p.Text, special)
			}
		}
		s.turn("<|im_end|>")
	}
	if r.AddGenerationPrompt {
		for _, t := range []string{"\n", "<|im_start|>", "assistant", "\n"} {
			s.turn(t)
		}
	}
	return nil
}

// turn writes a piece that is tokenized on its own.
func (s *spans) turn(text string) {
	s.boundary()
	s.write(text)
}

// marked inserts text in which some spellings are special.
func (s *spans) marked(text string, special []string) {
	for {
		at, mark := -1, ""
		for _, m := range special {
			if i := strings.Index(text, m); i >= 0 && (at < 0 || i < at) {
				at, mark = i, m
			}
		}
		if at < 0 {
			s.insert(text)
			return
		}
		s.insert(text[:at])
		s.write(mark)
		text = text[at+len(mark):]
	}
}
