package qwenvl

// Answers that are kept and read again.

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/grounding"
)

// kept is an answer with places in the second of two pictures.
func kept() Response {
	return Response{
		Text: "<box>(0,0),(500,1000)</box> é\n\"", Reasoning: "hm", Tokens: []int{1, 2}, Finish: FinishStop, Seed: math.MaxUint64,
		Usage:   Usage{PromptTokens: 30, VisionTokens: 20, CompletionTokens: 2},
		Timings: Timings{Preprocess: 1, Vision: time.Hour + 1, Prefill: 123456789, Decode: 5 * time.Second, FirstToken: 7, Total: 24*time.Hour + 999999999},
		grounding: placing{convention: grounding.ResizedPixels, standard: 1, pictures: []pictureSize{
			{grounding.Size{W: 200, H: 100}, grounding.Size{W: 56, H: 28}}, {grounding.Size{W: 300, H: 900}, grounding.Size{W: 280, H: 840}},
		}},
	}
}

func TestResponseJSON(t *testing.T) {
	data, err := json.Marshal(kept())
	require.NoError(t, err)
	require.JSONEq(t, `{
		"text": "<box>(0,0),(500,1000)</box> é\n\"", "reasoning": "hm", "tokens": [1, 2], "finish": "stop", "seed": 18446744073709551615,
		"usage": {"prompt_tokens": 30, "vision_tokens": 20, "completion_tokens": 2},
		"timings": {"preprocess": 1e-9, "vision": 3600.000000001, "prefill": 0.123456789, "decode": 5, "first_token": 7e-9, "total": 86400.999999999},
		"grounding": {"coordinates": "resized_pixels", "default_picture": 1, "pictures": [
			{"width": 200, "height": 100, "resized_width": 56, "resized_height": 28}, {"width": 300, "height": 900, "resized_width": 280, "resized_height": 840}]}
	}`, string(data))
	require.Contains(t, string(data), "18446744073709551615", "to the last digit")

	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 200 {
		want := kept()
		want.Timings.Total = time.Duration(rng.Int64N(int64(40 * 24 * time.Hour)))
		want.grounding.convention = grounding.Convention(i % 3)
		switch i % 5 {
		case 1:
			want = Response{}
		case 2:
			want.Tokens, want.grounding = []int{}, placing{}
		case 3:
			want.Reasoning, want.Finish, want.Tokens = "", "", nil
		}
		data, err := json.Marshal(&want)
		require.NoError(t, err)
		got := Response{Text: "before", Tokens: []int{9}, grounding: kept().grounding}
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want, got)
		require.Equal(t, want.Boxes(), got.Boxes())
	}
	want := kept()
	require.Len(t, want.Boxes(), 1)

	var got Response
	require.NoError(t, json.Unmarshal([]byte(`{"text": "a", "later": {"x": [1, {"y": null}]}, "usage": {"cached_tokens": 3}, "reasoning": null, "tokens": null}`), &got))
	require.Equal(t, Response{Text: "a"}, got, "what a later version adds, and fields that are missing")
	require.NoError(t, json.Unmarshal([]byte(`null`), &got))
	require.Equal(t, Response{Text: "a"}, got)
}

func TestResponseString(t *testing.T) {
	r := kept()
	require.Equal(t, `after 2 bytes of reasoning, "<box>(0,0),(500,1000)</box> é\n\"", 2 tokens, stop`, r.String())
	require.Equal(t, r.String(), fmt.Sprint(r))
	require.Equal(t, r.String(), fmt.Sprintf("%v", &r))
	require.Equal(t, r.String(), r.LogValue().String())
	require.Equal(t, `"", unfinished`, Response{}.String())
	require.Less(t, len(Response{Text: strings.Repeat("a", 1<<20)}.String()), 100)
}

// One wrong value at a time is an error that names it.
func TestResponseJSONHostile(t *testing.T) {
	data, err := json.Marshal(kept())
	require.NoError(t, err)
	for _, c := range []struct{ old, new, field string }{
		{`"hm"`, `7`, "reasoning"},
		{`[1,2]`, `[1,-2]`, "tokens"},
		{`[1,2]`, `[1,2.5]`, "tokens"},
		{`[1,2]`, `{"a":1}`, "tokens"},
		{`[1,2]`, `nul`, ""},
		{`"stop"`, `[]`, "finish"},
		{`18446744073709551615`, `18446744073709551616`, "seed"},
		{`18446744073709551615`, `-1`, "seed"},
		{`"prompt_tokens":30`, `"prompt_tokens":99999999999`, "usage.prompt_tokens"},
		{`"prompt_tokens":30`, `"prompt_tokens":"30"`, "usage.prompt_tokens"},
		{`"decode":5`, `"decode":-5`, "timings.decode"},
		{`"decode":5`, `"decode":1e300`, "timings.decode"},
		{`"decode":5`, `"decode":"5"`, "timings.decode"},
		{`"resized_pixels"`, `"inches"`, "grounding.coordinates"},
		{`"coordinates":"resized_pixels",`, ``, "grounding.coordinates"},
		{`"default_picture":1`, `"default_picture":2`, "grounding.default_picture"},
		{`"width":300`, `"width":0`, "grounding.pictures[1]"},
		{`"width":300,`, ``, "grounding.pictures[1]"},
		{`"width":300`, `"width":4294967296`, "grounding.pictures[1].width"},
		{`"text":`, `"text":"a","text":`, ""},
		{`"usage":`, `"usage":{"prompt_tokens":1,"prompt_tokens":2},"u":`, "usage"},
		{`"reasoning":"hm"`, `"reasoning":"\ud800"`, ""},
		{`"reasoning":"hm"`, `"more":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), ""},
	} {
		text := strings.Replace(string(data), c.old, c.new, 1)
		require.NotEqual(t, string(data), text, c.old)
		before := kept()
		got := before
		err := got.UnmarshalJSON([]byte(text))
		var typed *ResponseError
		require.ErrorAs(t, err, &typed, c.new)
		if c.field != "" {
			require.Equal(t, c.field, typed.Field, c.new)
		}
		require.Equal(t, before, got, "an error changes nothing")
	}
	for _, text := range []string{``, `[]`, `{`, `{}x`, `"a"`, `{"text": "a"`, "{\"text\": \"\xff\"}"} {
		var typed *ResponseError
		require.ErrorAs(t, new(Response).UnmarshalJSON([]byte(text)), &typed, text)
	}
}

func FuzzResponseJSON(f *testing.F) {
	data, err := json.Marshal(kept())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"tokens": null, "grounding": {"pictures": [], "coordinates": "fractions"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again Response
		if r.UnmarshalJSON(data) != nil {
			return
		}
		boxes := r.Boxes()
		data, err := json.Marshal(r)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, boxes, again.Boxes())
		require.Equal(t, r.Usage, again.Usage)
	})
}
