package chat

// What a foreign template does to messages without a word: it may leave some out, or put them in
// another place. The reference prints what it prints; here that is an error.

import (
	"maps"
	"slices"
)

// mayBeLeftOut reports whether a message is of a role that templates may have no place for.
func mayBeLeftOut(m Message) bool { return m.Role != "user" && m.Role != "assistant" }

// Check finds messages that the template drops or moves without a word, such as a system message
// that does not come first, by a character put behind the text of each message.
func (t *jinjaTemplate) Check(r Request) error {
	if err := checkKnown(r.Vars, t.vars); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Messages, mayBeLeftOut) {
		return nil
	}
	runes, err := t.runes(&r)
	if err != nil {
		return err
	}
	messages := slices.Clone(r.Messages)
	r.Messages = messages
	marks := map[rune]int{} // of which message
	for i := range messages {
		m := &messages[i]
		says := func(p Part) bool { return p.Kind == Text && trimSpace(p.Text) != "" }
		j := slices.IndexFunc(m.Content, says)
		if j < 0 {
			continue
		}
		mark, err := runes.next()
		if err != nil {
			return err
		}
		m.Content = slices.Clone(m.Content)
		m.Content[j].Text += string(mark)
		marks[mark] = i
	}
	out, err := t.render(&r, runes)
	if err != nil {
		return nil // the marks are in its way; without them it has rendered
	}
	at := make(map[int]int, len(marks)) // where each message is printed first
	for pos, c := range Join(out) {
		if i, ok := marks[c]; ok {
			delete(marks, c)
			at[i] = pos
		}
	}
	for _, i := range slices.Sorted(maps.Values(marks)) {
		if m := messages[i]; mayBeLeftOut(m) {
			const problem = "the template leaves out this %s message"
			return failf(ErrUnsupported, roleField(i), problem, m.Role)
		}
	}
	last := -1 // the message printed farthest behind, of those so far
	for i := range messages {
		pos, ok := at[i]
		switch {
		case !ok:
		case last < 0 || pos > at[last]:
			last = i
		default:
			if !mayBeLeftOut(messages[i]) {
				i = last
			}
			const problem = "the template puts this %s message in another place"
			return failf(ErrUnsupported, roleField(i), problem, messages[i].Role)
		}
	}
	return nil
}
