package qwenvl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qwenvl/qwenvl/internal/chat"
	"github.com/qwenvl/qwenvl/internal/engine"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/rope"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// prompt is a request turned into what the engine takes.
type prompt struct {
	hooks.Prompt
	spans []engine.Span // of the media, in order
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
	}
	if err := m.expand(p, m.encode(spans)); err != nil {
		return nil, err
	}
	media := make([]rope.Media, len(p.Media))
	for i, x := range p.Media {
		media[i] = rope.Media{Start: p.spans[i].Start, Grid: x.Patches.Grid, Merge: m.spec.Vision.Encoder.MergeSize}
	}
	p.Positions, p.Delta, err = rope.Index(len(p.Tokens), media)
	return p, err
}

// mediaPart is a picture or video and where it stands in the request.
type mediaPart struct {
	*Part
	field string
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
			media = append(media, mediaPart{part, field})
		}
		out.Messages = append(out.Messages, c)
	}
	return out, media, nil
}

func (m *Model) encode(spans []chat.Span) []int {
	in := make([]tokenizer.Span, len(spans))
	for i, s := range spans {
		in[i] = tokenizer.Span{Text: s.Text, Trusted: s.Trusted}
	}
	return m.tok.EncodeSpans(nil, in)
}

// expand repeats each placeholder once for every token that its medium becomes.
func (m *Model) expand(p *prompt, ids []int) error {
	k := 0
	for _, id := range ids {
		video := id == m.media.video
		if m.spec.Vision == nil || id != m.media.image && !video {
			p.Tokens = append(p.Tokens, id)
			continue
		}
		if k == len(p.Media) || p.Media[k].Video != video {
			return requestError("Messages", "the chat template's placeholders do not match the pictures and videos")
		}
		span := engine.Span{Start: len(p.Tokens), Len: m.adapter.Tokens(p.Media[k].Patches.Grid)}
		p.Tokens = append(p.Tokens, slices.Repeat([]int{id}, span.Len)...)
		p.spans = append(p.spans, span)
		k++
	}
	if k < len(p.Media) {
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
		pass := engine.Pass{Job: job}
		for _, x := range group {
			job.media = append(job.media, x.Patches)
			pass.Spans = append(pass.Spans, p.spans[k])
			k++
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
