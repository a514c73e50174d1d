package grounding

// What stands in objects and lists, and which of them a bracket closes.

import (
	"strings"
	"unicode"
)

// inObject takes a key, or what ends the object.
func (r *reader) inObject() {
	top := r.top()
	if top.once && len(top.items) > 0 && !r.nextLine() {
		r.close()
		return
	}
	c, n := r.char(r.at)
	switch c {
	case '}':
		r.at += n
		r.close()
		return
	case ']':
		// The end of a list around, or a stray one: then the object goes on.
		if r.stray(r.at+n) || !r.inside(list) {
			r.at += n
		} else {
			r.close()
		}
		return
	case '{':
		top.key = ""
		r.open(object, n)
		return
	case '[':
		if i := len(top.items) - 1; i >= 0 && top.items[i].kind == list {
			r.open(list, n)
			r.top().more = true
		} else {
			top.key = ""
			r.open(list, n)
		}
		return
	}
	key, ok := r.keyAt(r.at, false)
	if !ok {
		r.pass(n)
		return
	}
	if p := plain(key.name); roleOf(key.name) == labelRole || roleOf(key.name).places() {
		if top.seen[p] && top.place {
			r.close()
			r.open(object, 0)
			top = r.top()
		}
		if top.seen == nil {
			top.seen = map[string]bool{}
		}
		top.seen[p] = true
		top.place = top.place || roleOf(key.name).places()
	}
	top.key, top.due = key.name, true
	r.at = key.end
}

// nextLine reports whether an object without brackets goes on: a key that it lacks begins the line
// behind its last value.
func (r *reader) nextLine() bool {
	top := r.top()
	gap := r.text[top.items[len(top.items)-1].end:r.at]
	if strings.Count(gap, "\n") != 1 || strings.TrimSpace(gap) != "" {
		return false
	}
	key, ok := r.keyAt(r.at, true)
	return ok && !top.seen[plain(key.name)] && (roleOf(key.name) == labelRole || r.field(key))
}

// stray reports whether what follows a closing bracket is a key that the open object lacks.
func (r *reader) stray(at int) bool { return r.lacks(r.top(), at) }

// misplaced reports whether a brace that a list meets stands for the list's own bracket: the object
// around it goes on.
func (r *reader) misplaced(at int) bool {
	i := len(r.stack) - 2
	return i >= 0 && r.stack[i].kind == object && r.lacks(&r.stack[i], at)
}

// lacks reports whether a key stands at a place, behind a comma or not, that an object has not yet.
func (r *reader) lacks(f *frame, at int) bool {
	at = r.space(at)
	if c, n := r.char(at); c == ',' {
		at = r.space(at + n)
	}
	key, ok := r.keyAt(at, true)
	return ok && roleOf(key.name) != noRole && !f.seen[plain(key.name)]
}

// inValue takes the value of a key.
func (r *reader) inValue() {
	c, n := r.char(r.at)
	switch {
	case c == '{':
		r.open(object, n)
	case c == '[' || c == '(':
		r.open(list, n)
	case c == ':' || c == '\\' && !isQuote(r.text, r.at),
		(r.text[r.at] == ';' || c == ']' || c == ')') && r.valueAt(r.at+n):
		r.at += n // stray
	case c == ',' || c == '}' || c == ']':
		r.add(node{start: r.at, end: r.at})
	default:
		if key, ok := r.keyAt(r.at, true); ok && key.quoted && roleOf(key.name) != noRole {
			r.add(node{start: r.at, end: r.at}) // the value is missing
			return
		}
		if _, n := quoteAt(r.text, r.at); n > 0 {
			r.add(r.quoted(!r.top().once))
			return
		}
		if roleOf(r.top().key).places() && r.several() {
			r.open(list, 0) // its bracket is missing
			return
		}
		r.add(r.bare(true))
	}
}

// several reports whether two numbers with a comma between begin here.
func (r *reader) several() bool {
	at := r.at
	for range 2 {
		start := at
		for at < len(r.text) && strings.IndexByte("0123456789.-", r.text[at]) >= 0 {
			at++
		}
		if at == start {
			return false
		}
		c, n := r.char(r.space(at))
		if start > r.at || c != ',' {
			return start > r.at
		}
		at = r.space(r.space(at) + n)
	}
	return false
}

// inList takes an element, or what ends the list.
func (r *reader) inList() {
	top := r.top()
	c, n := r.char(r.at)
	switch c {
	case ']', ')':
		if r.at += n; c == ']' || !r.goesOn() {
			r.close()
		}
		return
	case '}':
		switch {
		case r.misplaced(r.at + n):
			r.at += n // in place of its own bracket
			r.close()
		case r.inside(object) && !r.extra(r.at+n):
			r.close() // its own bracket is missing
		default:
			r.at += n
		}
		return
	case '{':
		r.open(object, n)
		return
	case '[', '(':
		r.open(list, n)
		return
	}
	if unicode.IsDigit(c) || c == '-' {
		r.add(r.bare(false))
		return
	}
	if key, ok := r.keyAt(r.at, true); ok && (key.quoted || roleOf(key.name) != noRole) {
		if r.inside(object) && len(top.items) > 0 && !top.objects {
			r.close()
		} else {
			r.open(object, 0)
		}
		return
	}
	if _, n := quoteAt(r.text, r.at); n > 0 {
		r.add(r.quoted(false))
		return
	}
	if isWord(c) || c == '+' || c == '.' {
		r.add(r.bare(false))
		return
	}
	top.over = c != ','
	r.pass(n)
}

// goesOn reports whether a list in square brackets has more numbers behind a round one.
func (r *reader) goesOn() bool {
	if c, _ := r.char(r.top().start); c != '[' {
		return false
	}
	at := r.space(r.at)
	c, n := r.char(at)
	if c == ',' {
		c, _ = r.char(r.space(at + n))
	}
	return unicode.IsDigit(c) || c == '-'
}

// extra reports whether a brace in a list of objects is one too many: another object follows.
func (r *reader) extra(at int) bool {
	if top := r.top(); len(top.items) == 0 || top.items[len(top.items)-1].kind != object {
		return false
	}
	c, n := r.char(r.space(at))
	if c != ',' {
		return false
	}
	c, _ = r.char(r.space(r.space(at) + n))
	return c == '{'
}

// inside reports whether a frame of the kind is open around the top one.
func (r *reader) inside(k kind) bool {
	for i := len(r.stack) - 2; i >= 0; i-- {
		if r.stack[i].kind == k {
			return true
		}
	}
	return false
}
