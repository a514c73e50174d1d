package grounding

// Places in XML, HTML and Markdown: points and boxes as attributes of an element or in a comment,
// arguments of a call as elements.

import (
	"regexp"
	"strings"
)

var (
	element = regexp.MustCompile(`<([a-zA-Z][\w:-]*)((?:\s+[\w:-]+\s*=\s*` +
		`(?:"[^"<>]*"|'[^'<>]*'))+)\s*/?>([^<]*)`)
	attribute = regexp.MustCompile(`([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')`)
	comment   = regexp.MustCompile(`<!--\s*(\w+)\s*(\([0-9.,\s]+\))\s*-->`)
	function  = regexp.MustCompile(`<(?:function|invoke)(?:=|\s+name\s*=)[^<>\n]*>`)
	parameter = regexp.MustCompile(`<parameter(?:=|\s+name\s*=\s*)["']?([^<>\n"']{1,64})["']?>`)
)

// elements finds places in attributes: <points x1="4" y1="5" alt="wheel">wheel</points>,
// <p data-bbox="1 2 3 4">text</p>, <box x1="1" y1="2" x2="3" y2="4"/>.
func elements(text string) (marks []Mark) {
	if !strings.Contains(text, `="`) && !strings.Contains(text, `='`) {
		return nil
	}
	for _, m := range element.FindAllStringSubmatchIndex(text, maxMarks) {
		n := node{kind: object}
		for _, a := range attribute.FindAllStringSubmatch(text[m[4]:m[5]], maxValues) {
			key := strings.ToLower(a[1])
			if key == "class" || key == "type" || key == "role" {
				continue // of the element, and not of what it shows
			}
			n.keys = append(n.keys, strings.TrimPrefix(key, "data-"))
			n.items = append(n.items, node{kind: words, text: a[2] + a[3]})
		}
		mark := Mark{Label: describe(n).label, Start: m[0], End: m[7]}
		if mark.Label == "" {
			mark.Label = strings.TrimSpace(text[m[6]:m[7]])
		}
		switch r := roleOf(text[m[2]:m[3]]); {
		case r == pointRole:
			for _, p := range numberedPoints(n) {
				mark.Shape, mark.Points = Point, [][2]float64{p}
				marks = append(marks, mark)
			}
			continue
		case r == boxRole:
			drawing := text[m[2]:m[3]] == "rect"
			if p, ok := corners(n); ok && p.shape != Point && !drawing {
				mark.Shape, mark.Points = p.shape, p.points
				marks = append(marks, mark)
				continue
			}
		}
		for i, key := range n.keys {
			r := roleOf(key)
			if r != boxRole && r != quadRole && r != anyRole {
				continue
			}
			for _, p := range inText(n.items[i].text, r) {
				if p.shape == Point {
					continue // attributes of many elements are two numbers
				}
				mark.Shape, mark.Points = p.shape, p.points
				marks = append(marks, mark)
			}
		}
	}
	return marks
}

// comments finds boxes in comments of Markdown, which stand for figures and before tables:
// <!-- Image (1, 2, 3, 4) -->.
func comments(text string) (marks []Mark) {
	if !strings.Contains(text, "<!--") {
		return nil
	}
	for _, m := range comment.FindAllStringSubmatchIndex(text, maxMarks) {
		for _, p := range inText(text[m[4]:m[5]], boxRole) {
			marks = append(marks, Mark{Label: text[m[2]:m[3]], Shape: p.shape, Points: p.points,
				Start: m[0], End: m[1]})
		}
	}
	return marks
}

// functions finds places in calls whose arguments are elements:
// <function=computer_use><parameter=coordinate>[500, 250]</parameter></function>.
func functions(text string) []Mark {
	if !strings.Contains(text, "<parameter") {
		return nil
	}
	var w walker
	calls := function.FindAllStringIndex(text, maxMarks)
	for i, c := range calls {
		end := len(text)
		if i+1 < len(calls) {
			end = calls[i+1][0]
		}
		n := node{kind: object, start: c[0], end: c[1]}
		call := text[:end]
		begun := parameter.FindAllStringSubmatchIndex(call[c[1]:], maxValues)
		for k, m := range begun {
			from, to := c[1]+m[1], end
			if k+1 < len(begun) {
				to = c[1] + begun[k+1][0] // its closing tag may be missing
			}
			if j := strings.Index(call[from:to], "</"); j >= 0 {
				to = from + j
			}
			value := strings.TrimSpace(call[from:to])
			if strings.IndexByte(value, '{') >= 0 {
				continue // JSON has been found already
			}
			n.keys = append(n.keys, call[c[1]+m[2]:c[1]+m[3]])
			n.end = to
			n.items = append(n.items, node{kind: words, text: value,
				cut: n.end == len(text) && !strings.HasSuffix(value, "]")})
		}
		w.value(n, around{})
	}
	return w.marks
}
