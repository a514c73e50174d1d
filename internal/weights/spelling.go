package weights

// How a checkpoint spells the names of its tensors. Versions of the reference keep the decoder and
// the tower under other prefixes, and tools that merge or convert mix them, so each tensor is
// looked for under every spelling of its part. The same parts tell what a tensor is that nothing
// was bound to: a piece of the model, or something that is none of its business.

import (
	"slices"
	"strings"
)

// Part is a part of a model, such as its tower, whose tensors lie under one of several prefixes.
type Part struct {
	// Prefixes are the spellings; the first is the one of the family's [Names]. One may be "".
	Prefixes []string
	// Probe is the name, without a prefix, of a tensor of the part. Where it is decides which
	// spelling is meant by a name that the checkpoint has in none of them.
	Probe string
}

// split returns the part of a name and the rest of it: the part with the longest first prefix that
// the name starts with.
func split(parts []Part, name string) (p *Part, rest string) {
	for i := range parts {
		first := parts[i].Prefixes[0]
		if strings.HasPrefix(name, first) && (p == nil || len(first) > len(p.Prefixes[0])) {
			p = &parts[i]
		}
	}
	if p == nil {
		return nil, name
	}
	return p, name[len(p.Prefixes[0]):]
}

// Spell finds each tensor under the prefix of its part that the checkpoint has it under, the first
// of them where it has several.
func Spell(names Names, parts []Part, has func(name string) bool) Names {
	usual := make(map[*Part]string, len(parts)) // the spelling of what is nowhere
	for i := range parts {
		usual[&parts[i]] = parts[i].Prefixes[0]
		for _, prefix := range parts[i].Prefixes {
			if has(prefix + parts[i].Probe) {
				usual[&parts[i]] = prefix
				break
			}
		}
	}
	spelled := func(name string) string {
		p, rest := split(parts, name)
		if p == nil {
			return name
		}
		for _, prefix := range p.Prefixes {
			if has(prefix + rest) {
				return prefix + rest
			}
		}
		return usual[p] + rest
	}
	return func(canonical string) Ref {
		r := names(canonical)
		if len(r.Join) == 0 {
			r.Name = spelled(r.Name)
			return r
		}
		r.Join = slices.Clone(r.Join)
		for i := range r.Join {
			r.Join[i].Name = spelled(r.Join[i].Name)
		}
		return r
	}
}

// owners tells which tensors belong to a model: those under a prefix of one of its parts, in any
// spelling, and there within something that the model has tensors of: its layers, a norm, the head.
type owners struct {
	parts []Part
	has   []map[string]bool // by part: what the model has there
	rests []map[string]string
}

// newOwners makes owners from the names of the tensors that a model wants.
func newOwners(parts []Part, wanted []string) *owners {
	o := &owners{parts: parts}
	for range parts {
		o.has = append(o.has, map[string]bool{})
		o.rests = append(o.rests, map[string]string{})
	}
	for _, name := range wanted {
		if i, rest := o.longest(name); i >= 0 {
			o.has[i][child(rest)] = true
			o.rests[i][rest] = name
		}
	}
	return o
}

// child is the first component of a name.
func child(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return first
}

// longest returns the part with the longest prefix, in any spelling, that a name starts with.
func (o *owners) longest(name string) (part int, rest string) {
	part, best := -1, -1
	for i, p := range o.parts {
		for _, prefix := range p.Prefixes {
			if len(prefix) > best && strings.HasPrefix(name, prefix) {
				part, rest, best = i, name[len(prefix):], len(prefix)
			}
		}
	}
	return part, rest
}

// owned reports whether a tensor belongs to the model.
func (o *owners) owned(name string) bool {
	return o.look(name, func(part int, rest string) bool { return o.has[part][child(rest)] })
}

// twin returns the tensor that the model wants under another spelling of a name.
func (o *owners) twin(name string) (wanted string) {
	o.look(name, func(part int, rest string) bool {
		wanted = o.rests[part][rest]
		return wanted != ""
	})
	return wanted
}

// look asks about a name without each of the prefixes that it starts with, until one is it.
func (o *owners) look(name string, is func(part int, rest string) bool) bool {
	for i, p := range o.parts {
		for _, prefix := range p.Prefixes {
			if rest, ok := strings.CutPrefix(name, prefix); ok && is(i, rest) {
				return true
			}
		}
	}
	return false
}

// computed reports whether a tensor is a buffer, which the model computes from its configuration:
// whatever is under a rotary embedding, and masks. Releases and trainers save them with the
// weights.
func computed(name string, dtype DType) bool {
	parts := strings.Split(name, ".")
	last := len(parts) - 1
	for _, p := range parts[:last] {
		if strings.HasPrefix(p, "rotary") {
			return true
		}
	}
	buffers := []string{"inv_freq", "masked_bias", "position_ids"}
	return dtype == BOOL || slices.Contains(buffers, parts[last])
}

// Unused returns which of the checkpoint's names a model leaves over that wants others of them, if
// it can be loaded. [Loader.Unused] is the same of tensors that were bound.
func Unused(parts []Part, names, wanted []string) (unused []string) {
	o := newOwners(parts, wanted)
	want := make(map[string]bool, len(wanted))
	for _, name := range wanted {
		want[name] = true
	}
	for _, name := range names {
		if !want[name] && (computed(name, "") || !o.owned(name) || o.twin(name) != "") {
			unused = append(unused, name)
		}
	}
	return unused
}
