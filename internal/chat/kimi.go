package chat

// The template of Kimi-VL, in Go.

// kimiVL knows no tools, and prints nothing for a video.
var kimiVL = &renderer{name: "kimi-vl", render: renderKimiVL,
	media: func(_ string, k Kind) bool { return k == Image }}

func renderKimiVL(s *spans, r *Request) error {
	for i := range r.Messages {
		m := &r.Messages[i]
		if i == 0 && m.Role != "system" {
			s.write("<|im_system|>system<|im_middle|>You are a helpful assistant<|im_end|>")
		}
		s.write("<|im_" + m.Role + "|>" + m.Role + "<|im_middle|>")
		for _, p := range m.Content {
			if p.Kind == Image {
				s.write("<|media_start|>image<|media_content|><|media_pad|><|media_end|>")
			} else {
				s.insert(p.Text)
			}
		}
		s.write("<|im_end|>")
	}
	if r.AddGenerationPrompt {
		s.write("<|im_assistant|>assistant<|im_middle|>")
	}
	return nil
}
