package grounding

// Values as JSON has them, read from an answer by reader.go.

import (
	"strconv"
	"strings"
)

// kind is a kind of value.
type kind uint8

const (
	nothing kind = iota // null, and whatever is neither of the others
	number
	words
	list
	object
)

// node is a value. Keys of an object may repeat.
type node struct {
	kind       kind
	cut        bool // the text ended before this did
	quoted     bool // a string, and not a word
	nested     bool // lists or objects are inside
	start, end int  // bytes of the text
	text       string
	value      float64
	items      []node
	keys       []string // of an object, one an item
}

// scalar makes a node of a word without quotes.
func scalar(text string, start, end int) node {
	n := node{kind: words, start: start, end: end, text: text}
	switch strings.ToLower(text) {
	case "null", "none", "nan", "undefined", "nil":
		n.kind = nothing
	default:
		if v, ok := decimal(text); ok {
			n.kind, n.value = number, v
		}
	}
	return n
}

// numeric returns the number that a node is, or that its string holds.
func (n node) numeric() (float64, bool) {
	switch {
	case n.kind == number:
		return n.value, true
	case n.kind == words && !n.cut:
		return decimal(strings.TrimSpace(n.text))
	}
	return 0, false
}

// label returns the text of a node that is a label.
func (n node) label() string {
	switch n.kind {
	case number:
		return n.text
	case words:
		return strings.TrimSpace(n.text)
	case list:
		var all []string
		for _, item := range n.items {
			if item.kind == words || item.kind == number {
				all = append(all, item.label())
			}
		}
		return strings.Join(all, ", ")
	}
	return ""
}

// decimal reads a decimal number, and no other notation that strconv knows. Too large a number is
// infinite.
func decimal(s string) (float64, bool) {
	if s == "" || strings.Trim(s, "0123456789+-.eE_") != "" || strings.Trim(s, "+-.eE_") == "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !isRange(err) {
		return 0, false
	}
	return v, true
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}
