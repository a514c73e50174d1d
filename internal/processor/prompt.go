package processor

// From messages to tokens and positions.
//
// messages → the template's text with one placeholder for each medium → its tokens → each
// placeholder repeated for every token of its medium → positions. What a user writes cannot become
// a placeholder: the template's own text is trusted, the rest is not (internal/chat). media.go says
// what becomes of the pictures themselves.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// Prompt is a request laid out.
type Prompt struct {
	Text      string // after the chat template, one placeholder for each medium
	Tokens    []int
	Positions []rope.Position
	Delta     int      // the token with index i past the prompt has position i + Delta
	Media     []Medium // in the order of the text
}

// VisionTokens returns how many of the tokens are placeholders.
func (p *Prompt) VisionTokens() int {
	n := 0
	for i := range p.Media {
		for _, s := range p.Media[i].Spans {
			n += s.Len
		}
	}
	return n
}

// Prompt lays out a request. The request's pictures must not change until the engine has encoded
// them.
//
// Errors: *[Error]; [ErrNoTemplate]; ctx's.
func (p *Processor) Prompt(ctx context.Context, r *Request) (*Prompt, error) {
	if p.cfg.Template == nil {
		return nil, ErrNoTemplate
	}
	if len(r.Media) > 0 && p.cfg.Vision == nil {
		_, err := p.Medium(ctx, &r.Media[0]) // before the template, which may not know pictures
		return nil, err
	}
	spans, err := p.render(r)
	if err != nil {
		return nil, err
	}
	out := &Prompt{Text: chat.Join(spans)}
	for i := range r.Media {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := p.Medium(ctx, &r.Media[i])
		if err != nil {
			return nil, err
		}
		out.Media = append(out.Media, m)
	}
	runs, spans, err := p.runs(out.Media, spans)
	if err != nil {
		return nil, err
	}
	if err := p.expand(out, p.encode(spans), runs); err != nil {
		return nil, err
	}
	var media []rope.Media
	if v := p.cfg.Vision; v != nil && v.Spatial {
		for _, s := range runs {
			media = append(media, rope.Media{
				Start: s.start, Grid: s.grid, Merge: v.Encoder.MergeSize,
				Seconds: s.seconds, Rate: s.rate,
			})
		}
	}
	out.Positions, out.Delta, err = rope.Index(len(out.Tokens), media)
	if err != nil {
		return nil, &Error{Field: "Messages", Err: err}
	}
	return out, nil
}

// render writes the conversation by the chat template.
func (p *Processor) render(r *Request) ([]chat.Span, error) {
	spans, err := p.cfg.Template.Render(r.Request)
	if err == nil {
		err = p.cfg.Template.Check(r.Request)
	}
	if e := (*chat.Error)(nil); errors.As(err, &e) {
		return nil, &Error{Field: e.Field, Err: e.Err}
	}
	if err != nil {
		return nil, &Error{Field: "Messages", Err: err}
	}
	return spans, nil
}

// run is one run of placeholders: a medium's, or that of one step of a video.
type run struct {
	medium, start int // start: its first token, once they are laid out
	grid          rope.Grid
	seconds, rate float64 // of a video, for positions in real time
}

// runs lists the runs of placeholders of the media. With timestamps, each step of a video is a run
// of its own behind its time, which is written into the prompt here.
func (p *Processor) runs(media []Medium, spans []chat.Span) ([]run, []chat.Span, error) {
	var out []run
	var videos []string
	v := p.cfg.Vision
	for i := range media {
		x := &media[i]
		s := run{medium: i, grid: x.Grid}
		switch {
		case x.Video && v.Timestamps != nil:
			text := ""
			for t := range s.grid.T {
				out = append(out, run{medium: i, grid: rope.Grid{T: 1, H: s.grid.H, W: s.grid.W}})
				text += fmt.Sprintf(v.Timestamps.Format, x.StepTimes[t])
				text += v.Timestamps.Open + v.VideoToken + v.Timestamps.Close
			}
			videos = append(videos, text)
			continue
		case x.Video && v.TimeRate > 0:
			// The reference keeps seconds in single precision, and truncates after the product.
			s.seconds, s.rate = float64(float32(x.SecondsPerGrid)), v.TimeRate
		}
		out = append(out, s)
	}
	if len(videos) == 0 {
		return out, spans, nil
	}
	spans, err := replaceTrusted(spans, v.Timestamps.Open+v.VideoToken+v.Timestamps.Close, videos)
	return out, spans, err
}

// replaceTrusted puts the texts in place of the occurrences of old in what the template wrote.
func replaceTrusted(spans []chat.Span, old string, texts []string) ([]chat.Span, error) {
	out := slices.Clone(spans)
	for i := range out {
		if !out[i].Trusted {
			continue
		}
		parts := strings.Split(out[i].Text, old)
		if len(parts)-1 > len(texts) {
			return nil, failure("the chat template's placeholders do not match the videos")
		}
		var b strings.Builder
		for k, p := range parts {
			if k > 0 {
				b.WriteString(texts[0])
				texts = texts[1:]
			}
			b.WriteString(p)
		}
		out[i].Text = b.String()
	}
	if len(texts) > 0 {
		return nil, failure("the chat template leaves out videos")
	}
	return out, nil
}

// encode tokenizes a rendered prompt, pieces between boundaries on their own.
func (p *Processor) encode(spans []chat.Span) []int {
	var ids []int
	var piece []tokenizer.Span
	for _, s := range spans {
		if s.Boundary {
			ids, piece = p.cfg.Tokenizer.EncodeSpans(ids, piece), piece[:0]
		}
		piece = append(piece, tokenizer.Span{Text: s.Text, Trusted: s.Trusted})
	}
	return p.cfg.Tokenizer.EncodeSpans(ids, piece)
}

// expand lays out the tokens, with each placeholder repeated once for every token of its run.
func (p *Processor) expand(out *Prompt, ids []int, runs []run) error {
	if p.cfg.Vision == nil {
		out.Tokens = ids
		return nil
	}
	k := 0
	next := func(video bool) (int, error) {
		if k == len(runs) || out.Media[runs[k].medium].Video != video {
			return 0, failure("the chat template's placeholders do not match the media")
		}
		s, m := &runs[k], &out.Media[runs[k].medium]
		n := p.cfg.Vision.Adapter.Tokens(s.grid)
		s.start = len(out.Tokens)
		m.Spans = append(m.Spans, engine.Span{Start: s.start, Len: n})
		k++
		return n, nil
	}
	for i := 0; i < len(ids); i++ {
		id := ids[i]
		switch {
		case id == p.marks.image || id == p.marks.video:
			n, err := next(id == p.marks.video)
			if err != nil {
				return err
			}
			out.Tokens = append(out.Tokens, slices.Repeat([]int{id}, n)...)
		case id == p.marks.open:
			out.Tokens = append(out.Tokens, id)
			n, err := next(false)
			if err != nil {
				return err
			}
			end := slices.Index(ids[i:], p.marks.close)
			if end < 0 {
				return failure("a picture's tag is not closed")
			}
			var name []byte
			for _, t := range ids[i+1 : i+end] {
				name = p.cfg.Tokenizer.AppendBytes(name, t)
			}
			if len(name) > n {
				problem := fmt.Sprintf("a picture's name has %d bytes, at most %d", len(name), n)
				return failure(problem)
			}
			for _, b := range name {
				out.Tokens = append(out.Tokens, int(b))
			}
			out.Tokens = append(out.Tokens, slices.Repeat([]int{p.marks.pad}, n-len(name))...)
			i += end - 1 // the closing tag comes next
		default:
			out.Tokens = append(out.Tokens, id)
		}
	}
	if k < len(runs) {
		return failure("the chat template leaves out pictures or videos")
	}
	return nil
}

// failure is an Error of the conversation as a whole.
func failure(problem string) error { return &Error{Field: "Messages", Err: errors.New(problem)} }
