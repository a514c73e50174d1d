package grounding

// JSON objects in an answer, however they are wrapped or cut off, and the places they name.

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Bounds of one object: how deep values nest, and how many numbers a list of coordinates has.
const (
	maxDepth  = 64
	maxValues = 1024
)

// reader goes over a text once and reads the JSON objects in it, wherever they stand: in a list, in
// a code fence, before the point where the text was cut off. It never goes back: a character that
// JSON does not allow ends the objects that are open, and the search for the next one goes on from
// there. Beyond JSON it takes Python's single quotes, and a comma before a closing bracket.
type reader struct {
	text  string
	at    int
	stack []frame
	marks []Mark
	read  []span // of complete objects, apart and ascending
}

// span is a range of bytes.
type span struct{ start, end int }

// frame is an object or a list that is open.
type frame struct {
	list    bool
	want    want
	start   int
	first   int // the marks from this one on lie inside
	picture int // named for what lies inside; 0: none

	// Of an object.
	key    string
	labels [len(labelKeys)]string
	places []place

	// Of a list.
	coordinates bool
	shape       Shape
	bad         bool // something but numbers, or too many
	flat        []float64
	lists       [][]float64
}

// want is what may come next in a frame.
type want uint8

const (
	wantKey want = iota
	wantColon
	wantValue
	wantComma
)

type place struct {
	shape  Shape
	points [][2]float64
}

// labelKeys are the keys of an object that say what its place is; the first one counts.
var labelKeys = [...]string{"label", "name", "text_content", "text", "sub_label"}

// shapeKeys are the keys whose values are coordinates.
var shapeKeys = map[string]Shape{
	"bbox_2d": Box, "bbox": Box, "box_2d": Box, "box": Box,
	"point_2d": Point, "point": Point, "points_2d": Point, "points": Point,
	"quad_2d": Quad, "quad": Quad, "polygon_2d": Quad, "polygon": Quad,
}

// pictureKeys are the keys of an object that give the number of the picture.
var pictureKeys = []string{"picture", "image", "image_index"}

// objects finds the places of JSON objects, and where those objects are.
func objects(text string) ([]Mark, []span) {
	r := reader{text: text}
	for r.at < len(text) && len(r.marks) < maxMarks {
		if len(r.stack) == 0 {
			i := strings.IndexByte(text[r.at:], '{')
			if i < 0 {
				break
			}
			r.at += i
			r.open(frame{})
		} else if strings.IndexByte(" \t\r\n", text[r.at]) >= 0 {
			r.at++
		} else if !r.step(text[r.at]) {
			r.abandon()
		}
	}
	r.abandon()
	return r.marks, r.read
}

// step takes the next character, or the value that it begins. It reports false if it cannot stand
// there.
func (r *reader) step(c byte) bool {
	top := &r.stack[len(r.stack)-1]
	mayEnd := top.want == wantComma || top.want == wantKey || top.list && top.want == wantValue
	switch {
	case c == '}' && !top.list && mayEnd:
		r.at++
		r.closeObject()
	case c == ']' && top.list && mayEnd:
		r.at++
		r.closeList()
	case c == ',' && top.want == wantComma:
		r.at++
		top.want = wantKey
		if top.list {
			top.want = wantValue
		}
	case c == ':' && top.want == wantColon:
		r.at++
		top.want = wantValue
	case top.want == wantKey && (c == '"' || c == '\''):
		key, ok := r.quoted(c)
		top.key, top.want = key, wantColon
		return ok
	case top.want == wantValue:
		top.want = wantComma
		return r.value(top, c)
	default:
		return false
	}
	return true
}

// value reads a value of the frame, or opens it.
func (r *reader) value(top *frame, c byte) bool {
	switch {
	case c == '{' || c == '[':
		if len(r.stack) == maxDepth {
			return false
		}
		child := frame{list: c == '['}
		if child.list {
			child.want = wantValue
			if top.list {
				child.coordinates, child.shape = top.coordinates, top.shape
			} else {
				child.shape, child.coordinates = shapeKeys[top.key]
			}
		}
		if !top.list {
			child.picture = pictureOf(top.key)
		}
		top.bad = top.bad || !child.list
		r.open(child)
		return true
	case c == '"' || c == '\'':
		s, ok := r.quoted(c)
		top.bad = true
		if i := slices.Index(labelKeys[:], top.key); i >= 0 && !top.list {
			top.labels[i] = s
		}
		if slices.Contains(pictureKeys, top.key) && !top.list {
			top.picture = pictureOf(s)
			if n, err := strconv.Atoi(s); err == nil {
				top.picture = numbered(float64(n))
			}
		}
		return ok
	case c == '-' || c >= '0' && c <= '9':
		v, err := strconv.ParseFloat(r.run(func(c byte) bool { return c >= '0' && c <= '9' || strings.IndexByte("+-.eE", c) >= 0 }), 64)
		switch {
		case top.list && top.coordinates && len(top.flat) < maxValues:
			top.flat = append(top.flat, v)
		case top.list:
			top.bad = true
		case slices.Contains(pictureKeys, top.key):
			top.picture = numbered(v)
		}
		return err == nil
	case isLetter(c): // true, false, null, None, NaN
		r.run(isLetter)
		top.bad = true
		return true
	}
	return false
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// run takes the characters that belong together.
func (r *reader) run(belongs func(byte) bool) string {
	start := r.at
	for r.at < len(r.text) && belongs(r.text[r.at]) {
		r.at++
	}
	return r.text[start:r.at]
}

// quoted reads a string. It ends with its line at the latest: a lone quote in prose must not hide
// what comes after.
func (r *reader) quoted(quote byte) (string, bool) {
	start := r.at + 1
	for r.at = start; r.at < len(r.text) && r.text[r.at] != '\n'; r.at++ {
		switch r.text[r.at] {
		case '\\':
			r.at++
		case quote:
			r.at++
			return unescape(r.text[start:r.at-1], quote), true
		}
	}
	r.at = min(r.at, len(r.text))
	return "", false
}

func unescape(s string, quote byte) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	if quote == '\'' {
		s = strings.ReplaceAll(s, `\'`, `'`)
	}
	var out string
	if json.Unmarshal([]byte(`"`+s+`"`), &out) != nil {
		return s // not an escape that JSON has: as it stands
	}
	return out
}

func (r *reader) open(f frame) {
	f.start, f.first = r.at, len(r.marks)
	r.stack = append(r.stack, f)
	r.at++
}

// pop closes the innermost frame. The picture that it names is that of all the places inside that
// name none.
func (r *reader) pop() frame {
	f := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	if f.picture != 0 {
		for i := range r.marks[f.first:] {
			if m := &r.marks[f.first+i]; m.Picture == 0 {
				m.Picture = f.picture
			}
		}
	}
	return f
}

// abandon drops what is open; places found inside stay.
func (r *reader) abandon() {
	for len(r.stack) > 0 {
		r.pop()
	}
}

func (r *reader) closeObject() {
	top := &r.stack[len(r.stack)-1]
	label := ""
	for _, l := range top.labels {
		if label == "" {
			label = l
		}
	}
	for _, p := range top.places {
		r.marks = append(r.marks, Mark{Label: label, Shape: p.shape, Points: p.points, Start: top.start, End: r.at})
	}
	f := r.pop()
	for len(r.read) > 0 && r.read[len(r.read)-1].start > f.start {
		r.read = r.read[:len(r.read)-1]
	}
	r.read = append(r.read, span{f.start, r.at})
}

func (r *reader) closeList() {
	f := r.pop()
	top := &r.stack[len(r.stack)-1] // an object is at the bottom
	switch {
	case !f.coordinates:
	case !top.list && !f.bad:
		top.places = append(top.places, places(f)...)
	case f.bad || len(f.lists) > 0 || len(top.lists) == maxValues:
		top.bad = true
	default:
		top.lists = append(top.lists, f.flat)
	}
}

// places reads a list of coordinates: [x, y, …] and [[x, y], …] are one place, a list of either's
// inner kind is several.
func places(f frame) []place {
	if len(f.lists) == 0 {
		return one(f.shape, f.flat)
	}
	if len(f.flat) > 0 {
		return nil
	}
	pairs := f.shape == Box && len(f.lists) == 2 || f.shape == Quad
	var joined []float64
	for _, l := range f.lists {
		pairs = pairs && len(l) == 2
		joined = append(joined, l...)
	}
	if pairs {
		return one(f.shape, joined)
	}
	var out []place
	for _, l := range f.lists {
		out = append(out, one(f.shape, l)...)
	}
	return out
}

// one makes a place of as many numbers as its shape has.
func one(shape Shape, flat []float64) []place {
	n := map[Shape]int{Box: 4, Point: 2, Quad: len(flat)}[shape]
	if len(flat) != n || shape == Quad && (n < 6 || n%2 != 0) {
		return nil
	}
	p := place{shape: shape}
	for i := 0; i < n; i += 2 {
		p.points = append(p.points, [2]float64{flat[i], flat[i+1]})
	}
	return []place{p}
}
