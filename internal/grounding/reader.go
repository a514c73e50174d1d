package grounding

// JSON in an answer, however it is wrapped, damaged or cut off. What is damaged is read as
// json_repair reads it where that is certain: strings.go says where strings end, members.go where
// objects and lists do, by the next key or bracket.

import (
	"strings"
	"unicode"
)

// Bounds of one value: how deep values nest, how many there are, how long a key is, and a line with
// a label above a place.
const (
	maxDepth = 64
	maxNodes = 1 << 17
	maxKey   = 64
	maxLine  = 256
)

// reader goes over a text once. A value begins at a bracket, or at a key of coordinates that has
// lost its bracket; brackets that are missing are put in, stray ones left out:
//   - a key in a list without objects ends the list, in another list it begins an object;
//   - a closing bracket closes what it fits and all inside; one that fits nothing is ignored;
//   - a key of a place or a label that an object has already begins another object;
//   - a second list after a list goes on with it.
//
// Commas, colons and blanks are free where no doubt arises. Punctuation may be full-width, keys
// and words may stand without quotes, comments are passed over.
type reader struct {
	text  string
	at    int
	stack []frame
	nodes int
	found func(node) // takes each outermost value

	runs      map[run]*stretch // of strings.go
	noComment bool             // no comment ends from here on
}

// frame is an object or a list that is open.
type frame struct {
	node
	key     string          // of an object: the one read last
	due     bool            // its value is still to come
	seen    map[string]bool // keys of places and labels
	place   bool            // one of them was a place's
	more    bool            // goes on with the list before
	once    bool            // an object without brackets, of one key a line
	objects bool            // objects are inside
	over    bool            // of a list: its last number is complete, and no comma follows
}

// read calls found with each value in a text.
func read(text string, found func(node)) {
	r := reader{text: text, found: found}
	for r.at < len(text) {
		r.step()
	}
	r.abandon()
}

// step takes what comes next.
func (r *reader) step() {
	switch {
	case len(r.stack) == 0:
		r.seek()
	case r.nodes > maxNodes || len(r.stack) > maxDepth:
		r.abandon()
	case r.skip():
	case r.top().kind == list:
		r.inList()
	case r.top().due:
		r.inValue()
	default:
		r.inObject()
	}
}

func (r *reader) top() *frame { return &r.stack[len(r.stack)-1] }

// seek goes to where a value may begin.
func (r *reader) seek() {
	c, n := r.char(r.at)
	switch {
	case c == '{':
		r.open(object, n)
		return
	case c == '[':
		// A list, and not a remark in brackets.
		if d, _ := r.char(r.space(r.at + n)); strings.ContainsRune("{[(-\"'\\“0123456789", d) {
			r.open(list, n)
			return
		}
	case c == '"' || c == '\'' || c == '“' || c == '\\':
		key, ok := r.keyAt(r.at, true)
		if ok && !key.assigned && roleOf(key.name) != noRole { // and no attribute behind a quote
			at := r.space(key.end)
			d, _ := r.char(at)
			list := d == '[' || d == '(' || d == '{'
			if isQuote(r.text, at) || list && roleOf(key.name).places() {
				r.open(object, 0)
				return
			}
		}
	case unicode.IsLetter(c):
		key, ok := r.keyAt(r.at, true)
		if ok && (r.field(key) || roleOf(key.name) == labelRole && r.fieldBelow(key)) {
			r.open(object, 0)
			r.top().once = true
			return
		}
	}
	r.pass(n)
}

// field reports whether a key in prose has coordinates for its value: bbox_2d: [1, 2, 3, 4], or
// box=[[1, 2, 3, 4]] in a call.
func (r *reader) field(key keySpan) bool {
	p := plain(key.name)
	clear := strings.Contains(p, "bbox") || strings.HasPrefix(p, "boundingbox") ||
		strings.HasSuffix(p, "2d")
	call := strings.Contains(p, "box") || strings.Contains(p, "point") ||
		strings.Contains(p, "coord")
	if !roleOf(key.name).places() || !clear && !(key.assigned && call) {
		return false
	}
	at := r.space(key.end)
	_, n := quoteAt(r.text, at)
	c, _ := r.char(r.space(at + n))
	return c == '[' || c == '(' || c == '<' || n > 0 && c >= '0' && c <= '9'
}

// fieldBelow reports whether the line below that of a key is a field with coordinates.
func (r *reader) fieldBelow(key keySpan) bool {
	line := r.text[key.end:min(key.end+maxLine, len(r.text))]
	i := strings.IndexByte(line, '\n')
	if i < 0 || strings.TrimSpace(line[:i]) == "" {
		return false
	}
	below, ok := r.keyAt(r.space(key.end+i), true)
	return ok && r.field(below)
}

// open begins a value, whose bracket is n bytes long.
func (r *reader) open(k kind, n int) {
	r.stack = append(r.stack, frame{node: node{kind: k, start: r.at}})
	r.nodes++
	r.at += n
}

// close ends the innermost value.
func (r *reader) close() {
	f := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	if f.end = r.at; f.once && len(f.items) > 0 {
		f.end = f.items[len(f.items)-1].end
	}
	if len(r.stack) == 0 {
		r.nodes = 0
		r.found(f.node)
		return
	}
	if top := r.top(); f.more {
		before := &top.items[len(top.items)-1]
		if !before.nested && !f.nested {
			before.items = append(before.items, f.items...)
		} else {
			before.items, before.nested = append(before.items, f.node), true
		}
		before.cut = before.cut || f.cut
		return
	}
	r.add(f.node)
}

// abandon ends all that is open. Lists may lack numbers then, or a part of the last one.
func (r *reader) abandon() {
	for len(r.stack) > 0 {
		top := r.top()
		top.cut = top.kind == object || !top.over
		r.close()
	}
}

// add gives a value to the frame that it stands in.
func (r *reader) add(n node) {
	r.nodes++
	top := r.top()
	if top.items = append(top.items, n); top.kind == object {
		top.keys = append(top.keys, top.key)
	}
	top.nested, top.objects = top.nested || n.kind >= list, top.objects || n.kind == object
	top.due, top.over = false, false
}
