package grounding

// Places under their labels: {"bboxes": {"cat": [1, 2, 3, 4]}}, {"cat": {"bbox": …}, "dog": …}.

import (
	"cmp"
	"slices"
)

// byName adds the places of an object whose keys are their labels. It is the value of a key of
// places, so that other lists of numbers are none.
func (w *walker) byName(n node, r role, o description) {
	for i, key := range n.keys {
		if roleOf(key) != noRole || n.items[i].kind != list {
			continue
		}
		for _, p := range coordinates(n.items[i], r) {
			p.label = cmp.Or(p.label, key)
			w.mark(n, p, o)
		}
	}
}

// boxesByName reports whether an object has nothing but objects with boxes, two or more. Then the
// keys are the labels of those that have no other.
func boxesByName(n node) bool {
	for _, item := range n.items {
		if item.kind != object || !slices.ContainsFunc(item.keys, func(key string) bool {
			return roleOf(key) == boxRole
		}) {
			return false
		}
	}
	return len(n.items) > 1
}
