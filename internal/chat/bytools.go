package chat

// A checkpoint may have a template of its own for requests with tools, as text models have that
// were taught to call them later.

// byTools renders by one of two templates; the name is that of the first.
type byTools struct {
	Template
	tools Template
}

// ByTools renders requests with tools by one template and the others by plain, which gives its
// name.
func ByTools(plain, tools Template) Template { return byTools{plain, tools} }

func (b byTools) of(r Request) Template {
	if len(r.Tools) > 0 {
		return b.tools
	}
	return b.Template
}

func (b byTools) Render(r Request) ([]Span, error) { return b.of(r).Render(r) }
func (b byTools) Check(r Request) error            { return b.of(r).Check(r) }
