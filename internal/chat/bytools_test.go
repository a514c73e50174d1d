package chat

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// A request with tools goes through the template that is for them, also when it is checked.
func TestByTools(t *testing.T) {
	plain, err := New("plain", Options{})
	require.NoError(t, err)
	tools, err := New("{% for t in tools %}{{ t.name }}{{ mark }}{% endfor %}", Options{})
	require.NoError(t, err)
	both := ByTools(plain, tools)
	require.Equal(t, plain.Name(), both.Name())
	text := func(r Request) (out string) {
		spans, err := both.Render(r)
		require.NoError(t, err)
		for _, s := range spans {
			out += s.Text
		}
		return out
	}
	r := Request{Messages: []Message{{Role: "user", Content: []Part{{Kind: Text, Text: "x"}}}}}
	require.Equal(t, "plain", text(r))
	r.Tools = []json.RawMessage{json.RawMessage(`{"name": "f"}`)}
	require.Equal(t, "f", text(r))
	r.Vars = map[string]any{"mark": "!"}
	require.Equal(t, "f!", text(r))
	require.Equal(t, tools.Check(r), both.Check(r))
	r.Tools = nil
	require.Equal(t, plain.Check(r), both.Check(r))
	require.Error(t, both.Check(r), "plain reads no mark")
}
