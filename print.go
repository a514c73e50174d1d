package qwenvl

// Requests, parts and messages in a line each, for logs and for debugging: what they are, not the
// megabytes in them.

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/qwenvl/qwenvl/internal/processor"
)

// String says in short what the part is. It is no serialization: see [Part.MarshalJSON].
func (p Part) String() string {
	c := &p.content
	var b strings.Builder
	switch c.Kind {
	case processor.Text:
		b.WriteString("text " + short(c.Text))
	case processor.Picture:
		b.WriteString("image" + sides(c))
	case processor.PictureFile:
		b.WriteString("image file " + short(c.Path))
	case processor.PictureBytes:
		fmt.Fprintf(&b, "image of %d bytes", len(c.Data))
	case processor.PictureURL: // it may hold secrets
		scheme, _, _ := strings.Cut(c.URL, ":")
		fmt.Fprintf(&b, "image URL %.20q… of %d bytes", scheme+":", len(c.URL))
	case processor.PictureReader:
		b.WriteString("image of a reader")
	case processor.Video:
		fmt.Fprintf(&b, "video of %d frames%s", c.Count(), sides(c))
		if c.FPS != 0 {
			fmt.Fprintf(&b, ", %g a second", c.FPS)
		} else {
			fmt.Fprintf(&b, " in %v", c.Duration)
		}
	}
	if p.Name != "" && p.Name != c.Path {
		b.WriteString(", name " + short(p.Name))
	}
	if p.MinPixels != 0 {
		fmt.Fprintf(&b, ", MinPixels %d", p.MinPixels)
	}
	if p.MaxPixels != 0 {
		fmt.Fprintf(&b, ", MaxPixels %d", p.MaxPixels)
	}
	return b.String()
}

// sides is the size of the first frame in memory.
func sides(c *processor.Content) (s string) {
	defer func() {
		if recover() != nil {
			s = ", broken"
		}
	}()
	if len(c.Frames) == 0 {
		return ""
	}
	if c.Frames[0] == nil {
		return ", nil"
	}
	r := c.Frames[0].Bounds()
	return fmt.Sprintf(", %d×%d", r.Dx(), r.Dy())
}

// short quotes a text's beginning.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q… of %d bytes", strings.ToValidUTF8(s[:most], ""), len(s))
}

// Format writes String for every verb, so that nobody prints a picture's bytes by accident.
func (p Part) Format(s fmt.State, _ rune) { io.WriteString(s, p.String()) }

// LogValue is String, for structured logs.
func (p Part) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String says in short what the message is. It is no serialization: see [Message.MarshalJSON].
func (m Message) String() string {
	return fmt.Sprintf("%.20s: [%s]", m.Role, listed(m.Parts))
}

// listed is the first of some things, and how many more there are.
func listed[T fmt.Stringer](things []T) string {
	const most = 16
	var parts []string
	for _, t := range things[:min(len(things), most)] {
		parts = append(parts, t.String())
	}
	if n := len(things) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	return strings.Join(parts, "; ")
}

// Format writes String for every verb.
func (m Message) Format(s fmt.State, _ rune) { io.WriteString(s, m.String()) }

// LogValue is String, for structured logs.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// String says in short what is asked. It is no serialization: see [Request.MarshalJSON].
func (r Request) String() string {
	s := listed(r.Messages)
	if r.MaxTokens != 0 {
		s += fmt.Sprintf(", MaxTokens %d", r.MaxTokens)
	}
	return s
}

// LogValue is String, for structured logs.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }
