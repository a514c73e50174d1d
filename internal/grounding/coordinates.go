package grounding

// Numbers of a value, and the places that they make.

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxValues = 1024 // of one place

// place is coordinates with a shape, and the label that stands among them.
type place struct {
	shape  Shape
	points [][2]float64
	label  string
}

// bracketed is text whose last number is complete.
var bracketed = regexp.MustCompile(`[)\]]\s*$`)

// coordinates reads the value of a key that has places: [x, y, …] and [[x, y], …] are one place, a
// list of either's inner kind is several.
func coordinates(n node, r role) []place {
	if !r.places() || n.cut && !(n.kind == words && bracketed.MatchString(n.text)) {
		return nil
	}
	switch n.kind {
	case words:
		return inText(n.text, r)
	case list:
		if !n.nested {
			return flat(n, r)
		}
		if joined, ok := pairs(n, r); ok {
			return one(joined, r)
		}
		var out []place
		for _, item := range n.items {
			switch item.kind {
			case number:
				return nil
			case words, list:
				out = append(out, coordinates(item, r)...)
			}
		}
		return out
	}
	return nil
}

// flat reads a list of numbers, one of which may be a label in truth; or of strings with numbers
// in them.
func flat(n node, r role) []place {
	var numbers []float64
	var others []node
	for _, item := range n.items {
		if v, ok := item.numeric(); ok {
			numbers = append(numbers, v)
		} else {
			others = append(others, item)
		}
	}
	switch {
	case len(numbers) > maxValues:
		return nil
	case len(others) == 0:
		return one(numbers, r)
	case len(numbers) == 0:
		var out []place
		for _, item := range others {
			if item.quoted {
				out = append(out, inText(item.text, r)...)
			}
		}
		return out
	}
	out := one(numbers, r)
	if len(others) > 1 || len(out) != 1 || r != boxRole && r != anyRole {
		return nil
	}
	for _, end := range []node{n.items[0], n.items[len(n.items)-1]} {
		if c, _ := utf8.DecodeRuneInString(end.text); end.quoted && unicode.IsLetter(c) {
			out[0].label = end.label()
			return out
		}
	}
	return nil
}

// pairs joins a list of points that are corners of one place, each a pair of numbers or an object
// with an x and a y.
func pairs(n node, r role) (joined []float64, ok bool) {
	if n.kind != list || n.cut || r != boxRole && r != anyRole && r != quadRole {
		return nil, false
	}
	for _, item := range n.items {
		if item.kind < list || len(joined) >= maxValues {
			return nil, false
		}
		corner := spot(item)
		if len(corner) != 2 {
			return nil, false
		}
		joined = append(joined, corner...)
	}
	k := len(n.items)
	return joined, k == 2 || k == 4 || k > 2 && r != boxRole
}

// one makes a place of as many numbers as its role takes.
func one(v []float64, r role) []place {
	p := place{}
	switch n := len(v); {
	case n == 2 && (r == pointRole || r == anyRole):
		p.shape = Point
	case n == 4 && (r == boxRole || r == anyRole):
		p.shape = Box
	case n == 4 && r == sizeRole:
		v = []float64{v[0], v[1], v[0] + v[2], v[1] + v[3]}
	case n == 4 && r == centreRole:
		v = []float64{v[0] - v[2]/2, v[1] - v[3]/2, v[0] + v[2]/2, v[1] + v[3]/2}
	case n == 8 && r == boxRole, n >= 6 && n%2 == 0 && (r == quadRole || r == anyRole):
		p.shape = Quad
	default:
		return nil
	}
	for i := 0; i < len(v); i += 2 {
		p.points = append(p.points, [2]float64{v[i], v[i+1]})
	}
	return []place{p}
}

// markup is the tags that may stand around coordinates in a string.
var markup = regexp.MustCompile(`</?[a-z_0-9]+>|<\|[a-z_]+\|>`)

// inText reads coordinates that stand in a string, with or without brackets. Nothing else may
// stand in it.
func inText(s string, r role) []place {
	if strings.IndexByte(s, '<') >= 0 {
		s = markup.ReplaceAllString(s, " ")
	}
	n, ok := listOf(s)
	if !ok {
		return nil
	}
	return coordinates(n, r)
}

// listOf reads a text as the inside of one list. Of brackets that do not fit together none counts.
func listOf(s string) (n node, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 64*maxValues || strings.IndexByte(s, '{') >= 0 {
		return node{}, false
	}
	const opening, closing = "([（［", ")]）］"
	opened := strings.Count(s, "(") + strings.Count(s, "[")
	if opened != strings.Count(s, ")")+strings.Count(s, "]") {
		s = strings.TrimSpace(strings.Map(func(c rune) rune {
			if strings.ContainsRune(opening+closing, c) {
				return ' '
			}
			return c
		}, s))
	}
	values := 0
	read("["+s+"]", func(v node) {
		n = v
		values++
	})
	return n, values == 1 && n.kind == list && n.end == len(s)+2
}
