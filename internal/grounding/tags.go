package grounding

// Places between tags, plain or as special tokens.

import (
	"regexp"
	"slices"
	"strings"
)

// Tags come in two spellings: plain, and as special tokens. A reference may be followed by several
// places; text between them ends it. A closing tag may be missing if the numbers are complete.
var (
	reference = regexp.MustCompile(`<ref>([^<]*)(?:</ref>)?|` +
		`<\|(?:object_ref_start|ref)\|>([^<]*)(?:<\|(?:object_ref_end|/ref)\|>)?`)
	tag = regexp.MustCompile(`(?i)<(?:\|(?:(box|point|quad)_start|det)\||([a-z_0-9-]{3,20}))>` +
		`([\s0-9.,;()\[\]+，、；（）［］-]*)` +
		`(</[a-zA-Z_0-9-]{3,20}>|<\|(?:[a-z]{3,20}_end|/det)\|>)?`)
)

// tagged finds places between tags.
func tagged(text string) (marks []Mark) {
	if strings.IndexByte(text, '<') < 0 {
		return nil
	}
	for _, m := range tag.FindAllStringSubmatchIndex(text, maxMarks) {
		name := "box"
		if m[2] >= 0 {
			name = text[m[2]:m[3]]
		} else if m[4] >= 0 {
			name = text[m[4]:m[5]]
		}
		r := roleOf(name)
		body := strings.TrimSpace(text[m[6]:m[7]])
		if !r.places() || body == "" {
			continue
		}
		if m[1] == len(text) && m[8] < 0 && !strings.ContainsAny(body[len(body)-1:], ")]") {
			continue // the last number may lack digits
		}
		if r == boxRole {
			r = anyRole // a box of one point
		}
		for _, p := range between(body, r) {
			marks = append(marks, Mark{Shape: p.shape, Points: p.points, Start: m[0], End: m[1]})
		}
	}
	label(text, marks)
	return marks
}

// between reads the numbers between tags. All must belong to places.
func between(body string, r role) []place {
	n, ok := listOf(body)
	if !ok {
		return nil
	}
	for _, item := range n.items {
		if k := len(item.items); n.nested && len(n.items) > 1 &&
			(item.kind != list || !item.nested && (k == 0 || k%2 != 0)) {
			return nil
		}
	}
	return coordinates(n, r)
}

// label gives places the reference that they follow, with nothing but other places and punctuation
// between.
func label(text string, marks []Mark) {
	labels := map[int]string{} // by where the reference ends, or a place of it
	for _, m := range reference.FindAllStringSubmatchIndex(text, maxMarks) {
		i := 2
		if m[i] < 0 {
			i = 4
		}
		end := len(strings.TrimRight(text[:m[1]], " \t\r\n"))
		labels[end] = strings.TrimSpace(text[m[i]:m[i+1]])
	}
	slices.SortStableFunc(marks, func(a, b Mark) int { return a.Start - b.Start })
	for i := range marks {
		m := &marks[i]
		at := len(strings.TrimRight(text[:m.Start], " \t\r\n,;，；、:："))
		if l, ok := labels[at]; ok {
			m.Label, labels[m.End] = l, l
		}
	}
}
