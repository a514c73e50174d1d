package qwenvl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// prompt is a request turned into what the engine takes.
type prompt struct {
	hooks.Prompt
	spans     []engine.Span // of the media, in order
	grounding grounding
}

// buildPrompt reads the media, renders the template and lays out tokens and positions. It runs on the caller's side and depends on the
// request alone. With measure, pixels are left out: enough to count tokens.
func (m *Model) buildPrompt(ctx context.Context, r *Request, measure bool) (*prompt, error) {
	if m.template == nil {
		return nil, &CheckpointError{File: "chat_template.json", Err: errors.New("qwenvl: the checkpoint has no chat template")}
	}
	req, parts, err := m.chatRequest(r)
	if err != nil {
		return nil, err
	}
	spans, err := m.template.Render(req)
	if err != nil {
		return nil, &RequestError{Field: "Messages", Err: err}
	}
	p := &prompt{}
	p.Text = chat.Join(spans)
	for _, part := range parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		medium, err := m.medium(r, part.Part, measure)
		if err != nil {
			return nil, &RequestError{Field: part.field, Err: err}
		}
		p.Media = append(p.Media, medium)
		p.grounding.add(medium, part.message)
	}
	if m.spec.Vision != nil {
		p.grounding.convention = m.spec.Vision.Grounding
	}
	slots, spans, err := m.slots(p.Media, spans)
	if err != nil {
		return nil, err
	}
	if err := m.expand(p, m.encode(spans), slots); err != nil {
		return nil, err
	}
	var media []rope.Media
	if v := m.spec.Vision; v != nil && v.Spatial {
		for i, s := range slots {
			media = append(media, rope.Media{Start: p.spans[i].Start, Grid: s.grid, Merge: v.Encoder.MergeSize, Seconds: s.seconds, Rate: s.rate})
		}
	}
	p.Positions, p.Delta, err = rope.Index(len(p.Tokens), media)
	return p, err
}

// slot is one run of placeholders.
type slot struct {
	medium        int
	grid          rope.Grid
	seconds, rate float64 // of a video, for positions in real time
}

// slots lists the runs of placeholders of the media. With timestamps, each step of a video is a run of its own behind its time, which
// is written into the prompt here.
func (m *Model) slots(media []hooks.Medium, spans []chat.Span) ([]slot, []chat.Span, error) {
	var out []slot
	var videos []string
	v := m.spec.Vision
	for i, x := range media {
		s := slot{medium: i, grid: x.Patches.Grid}
		switch {
		case x.Video && v.Timestamps != nil:
			text := ""
			for t := range s.grid.T {
				out = append(out, slot{medium: i, grid: rope.Grid{T: 1, H: s.grid.H, W: s.grid.W}})
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
	if len(videos) > 0 {
		var err error
		spans, err = replaceTrusted(spans, v.Timestamps.Open+v.VideoToken+v.Timestamps.Close, videos)
		if err != nil {
			return nil, nil, err
		}
	}
	return out, spans, nil
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
			return nil, requestError("Messages", "the chat template's placeholders do not match the videos")
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
		return nil, requestError("Messages", "the chat template leaves out videos")
	}
	return out, nil
}

// mediaPart is a picture or video and where it stands in the request.
type mediaPart struct {
	*Part
	message int
	field   string
}

// chatRequest translates messages for the template and lists their media in order.
func (m *Model) chatRequest(r *Request) (chat.Request, []mediaPart, error) {
	out := chat.Request{Tools: r.Tools, Vars: r.Template, ContinueFinal: r.ContinueFinal, AddGenerationPrompt: !r.ContinueFinal}
	var media []mediaPart
	if len(r.Messages) == 0 {
		return out, nil, requestError("Messages", "empty")
	}
	for i := range r.Messages {
		msg := &r.Messages[i]
		c := chat.Message{Role: string(msg.Role), HasStringContent: len(msg.Parts) == 1 && msg.Parts[0].kind == textPart}
		for j := range msg.Parts {
			part := &msg.Parts[j]
			field := fmt.Sprintf("Messages[%d].Parts[%d]", i, j)
			kind := chat.Image
			switch part.kind {
			case textPart:
				c.Content = append(c.Content, chat.Part{Kind: chat.Text, Text: part.text})
				continue
			case clipPart:
				kind = chat.Video
			}
			if m.spec.Vision == nil {
				return out, nil, requestError(field, "the model is text only")
			}
			c.Content = append(c.Content, chat.Part{Kind: kind, Name: part.Name})
			media = append(media, mediaPart{part, i, field})
		}
		out.Messages = append(out.Messages, c)
	}
	return out, media, nil
}

// encode tokenises a rendered prompt, pieces between boundaries on their own.
func (m *Model) encode(spans []chat.Span) []int {
	var ids []int
	var piece []tokenizer.Span
	for _, s := range spans {
		if s.Boundary {
			ids, piece = m.tok.EncodeSpans(ids, piece), piece[:0]
		}
		piece = append(piece, tokenizer.Span{Text: s.Text, Trusted: s.Trusted})
	}
	return m.tok.EncodeSpans(ids, piece)
}

// expand lays out the tokens, with each placeholder repeated once for every token of its run.
func (m *Model) expand(p *prompt, ids []int, slots []slot) error {
	if m.spec.Vision == nil {
		p.Tokens = ids
		return nil
	}
	k := 0
	next := func(video bool) (int, error) {
		if k == len(slots) || p.Media[slots[k].medium].Video != video {
			return 0, requestError("Messages", "the chat template's placeholders do not match the pictures and videos")
		}
		n := m.adapter.Tokens(slots[k].grid)
		p.spans = append(p.spans, engine.Span{Start: len(p.Tokens), Len: n})
		k++
		return n, nil
	}
	for i := 0; i < len(ids); i++ {
		id := ids[i]
		switch {
		case id == m.media.image || id == m.media.video:
			n, err := next(id == m.media.video)
			if err != nil {
				return err
			}
			p.Tokens = append(p.Tokens, slices.Repeat([]int{id}, n)...)
		case id == m.media.open:
			p.Tokens = append(p.Tokens, id)
			n, err := next(false)
			if err != nil {
				return err
			}
			end := slices.Index(ids[i:], m.media.close)
			if end < 0 {
				return requestError("Messages", "a picture's tag is not closed")
			}
			var name []byte
			for _, t := range ids[i+1 : i+end] {
				name = m.tok.AppendBytes(name, t)
			}
			if len(name) > n {
				return requestError("Messages", fmt.Sprintf("a picture's name has %d bytes, at most %d", len(name), n))
			}
			for _, b := range name {
				p.Tokens = append(p.Tokens, int(b))
			}
			p.Tokens = append(p.Tokens, slices.Repeat([]int{m.media.pad}, n-len(name))...)
			i += end - 1 // the closing tag comes next
		default:
			p.Tokens = append(p.Tokens, id)
		}
	}
	if k < len(slots) {
		return requestError("Messages", "the chat template leaves out pictures or videos")
	}
	return nil
}

// passes makes the vision work of a prompt.
func (m *Model) passes(p *prompt) []engine.Pass {
	var out []engine.Pass
	k := 0
	for _, group := range groupMedia(p.Media) {
		job := &encodeJob{model: m}
		tokens := 0
		for _, x := range group {
			job.media = append(job.media, x.Patches)
			tokens += m.adapter.Tokens(x.Patches.Grid)
		}
		pass := engine.Pass{Job: job}
		for ; tokens > 0; k++ {
			pass.Spans = append(pass.Spans, p.spans[k])
			tokens -= p.spans[k].Len
		}
		out = append(out, pass)
	}
	return out
}

// CountTokens returns how many tokens the request's prompt has, placeholders of pictures and videos included. Pictures are read to learn
// their size.
//
// Errors: as [Model.Generate].
func (m *Model) CountTokens(r Request) (int, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	p, err := m.buildPrompt(context.Background(), &r, true)
	if err != nil {
		return 0, err
	}
	return len(p.Tokens), nil
}

// Tokenize returns the ids of a text, in which spellings of special tokens are plain text.
func (m *Model) Tokenize(text string) ([]int, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	return m.tok.Encode(text), nil
}
