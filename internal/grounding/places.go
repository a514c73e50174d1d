package grounding

// From values to the places that they name.

import (
	"cmp"
	"slices"
	"strings"
)

// maxInside is how deep JSON in strings of JSON is looked into.
const maxInside = 3

// walker goes over values and collects places.
type walker struct {
	marks   []Mark
	objects []span // outermost, ascending
	inside  int    // strings
	within  span   // the string, when inside
}

// span is a range of bytes.
type span struct{ start, end int }

// around is what the objects around a value say of what is in it.
type around struct {
	label   string
	picture int
	object  bool // there is one
	role    role // of the key, if the value is one of places
}

// objects finds the places of JSON in a text, and where its objects are.
func objects(text string) ([]Mark, []span) {
	var w walker
	read(text, func(n node) { w.value(n, around{}) })
	return w.marks, w.objects
}

// value goes over a value.
func (w *walker) value(n node, a around) {
	if len(w.marks) >= maxMarks {
		return
	}
	switch n.kind {
	case object:
		if !a.object && len(n.items) > 0 && w.inside == 0 {
			w.objects = append(w.objects, span{n.start, n.extent()})
		}
		a.object = true
		w.object(n, a)
	case list:
		if n.nested {
			for _, item := range n.items {
				w.value(item, a)
			}
		}
	case words:
		w.string(n, a)
	}
}

// extent returns where a value ends; one that is cut, with its last item.
func (n node) extent() int {
	if n.cut && len(n.items) > 0 {
		return n.items[len(n.items)-1].extent()
	}
	return n.end
}

// string goes over the JSON in a string, such as the arguments of a call.
func (w *walker) string(n node, a around) {
	text := n.text
	if w.inside == maxInside {
		return
	}
	if strings.IndexByte(text, '{') < 0 {
		if !a.role.places() || n.cut || len(text) > maxValues || !strings.ContainsAny(text, "=:") {
			return
		}
		text = "{" + text + "}" // x1=10, y1=20, …
	}
	within := w.within
	if w.inside++; w.inside == 1 {
		w.within = span{n.start, n.end}
	}
	read(text, func(v node) { w.value(v, a) })
	w.inside--
	w.within = within
}

// object goes over an object: its own places, then those of the objects in it.
func (w *walker) object(n node, a around) {
	o := describe(n)
	if o.label == "" {
		o.label = a.label
	}
	if o.picture == 0 {
		o.picture = a.picture
	}
	first := len(w.marks)
	for i, key := range n.keys {
		for _, p := range coordinates(n.items[i], roleOf(key)) {
			w.mark(n, p, o)
		}
	}
	var apart bool // the numbers have keys of their own
	if len(w.marks) == first {
		var p place
		if p, apart = corners(n); apart {
			w.mark(n, p, o)
		}
	}
	if len(w.marks) == first && a.role.places() {
		w.byName(n, a.role, o)
	}
	own := len(w.marks) - first
	if len(o.labels) > 1 && len(o.labels) == own {
		for i := range own {
			w.marks[first+i].Label = o.labels[i]
		}
	}
	named := boxesByName(n)
	for i, key := range n.keys {
		item := n.items[i]
		inner := around{label: cmp.Or(o.kind, a.label), picture: o.picture, object: true}
		if p := pictureOf(key); p != 0 {
			inner.picture = p
		}
		switch r := roleOf(key); {
		case r.places():
			inner.label, inner.role = o.label, r
		case key == "":
			inner.label = o.label
		case named && r == noRole:
			inner.label = key
		case r == labelRole && own > 0 && item.kind == words:
			continue // JSON is what the place reads
		case apart && len(spot(item)) > 0:
			continue // it is a corner
		}
		if _, ok := pairs(item, roleOf(key)); ok {
			continue // they are corners
		}
		w.value(item, inner)
	}
}

// mark adds a place.
func (w *walker) mark(n node, p place, o description) {
	m := Mark{Label: o.label, Shape: p.shape, Points: p.points, Picture: o.picture,
		Start: n.start, End: n.extent()}
	if p.label != "" {
		m.Label = p.label
	}
	if w.inside > 0 {
		m.Start, m.End = w.within.start, w.within.end
	}
	w.marks = append(w.marks, m)
}

// description is what an object says of its places.
type description struct {
	label   string
	labels  []string // one a place
	kind    string   // label of the objects inside that have none
	picture int
}

func describe(n node) (d description) {
	best := len(labelRank)
	for i, key := range n.keys {
		item := n.items[i]
		switch roleOf(key) {
		case labelRole:
			p := plain(key)
			rank, ok := labelRank[p]
			if !ok {
				rank = labelRank[strings.TrimRight(p, "0123456789")]
			}
			if text := item.label(); text != "" && rank < best && !item.nested {
				d.label, best = text, rank
				d.labels = nil
				if item.kind != list && slices.Contains(kindKeys, p) {
					d.kind = text
				}
				if item.kind == list {
					for _, l := range item.items {
						d.labels = append(d.labels, l.label())
					}
				}
			}
		case pictureRole:
			if v, ok := item.numeric(); ok {
				d.picture = numbered(v)
			} else if n := pictureOf(item.text); item.kind == words && n != 0 {
				d.picture = n
			} else if n := numbers[strings.ToLower(item.label())]; n > 0 {
				d.picture = n
			}
		}
	}
	return d
}
