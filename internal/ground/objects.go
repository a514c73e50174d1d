package ground

import (
	"encoding/json"
	"strings"
)

// Bounds that keep the search linear in the text: of one JSON object, and of braces that begin none.
const (
	maxObject = 4096
	maxMisses = 2000
)

// objects finds JSON objects with coordinates, wherever they stand: in a list, in a code fence, or before the point where the text was cut off.
func objects(text string) []Mark {
	var marks []Mark
	misses := 0
	for at := 0; at < len(text) && len(marks) < maxMarks && misses < maxMisses; {
		i := strings.IndexByte(text[at:], '{')
		if i < 0 {
			break
		}
		at += i
		var keys map[string]json.RawMessage
		dec := json.NewDecoder(strings.NewReader(text[at:min(at+maxObject, len(text))]))
		if dec.Decode(&keys) != nil {
			at++
			misses++
			continue
		}
		end := at + int(dec.InputOffset())
		m, ok := object(keys)
		if !ok {
			at++ // coordinates may lie inside
			misses++
			continue
		}
		m.Start, m.End = at, end
		marks = append(marks, m)
		at = end
	}
	return marks
}

// object reads a place from the keys of an object.
func object(keys map[string]json.RawMessage) (Mark, bool) {
	m := Mark{}
	for _, f := range []struct {
		shape  Shape
		points int // 0: three or more
		keys   []string
	}{
		{Box, 2, []string{"bbox_2d", "bbox", "box_2d", "box"}},
		{Point, 1, []string{"point_2d", "point"}},
		{Quad, 0, []string{"quad_2d", "quad", "polygon"}},
	} {
		for _, key := range f.keys {
			points, ok := coordinates(keys[key])
			if !ok || f.points > 0 && len(points) != f.points || f.points == 0 && len(points) < 3 {
				continue
			}
			m.Shape, m.Points = f.shape, points
			for _, l := range []string{"label", "name", "text_content", "text", "sub_label"} {
				var s string
				if json.Unmarshal(keys[l], &s) == nil && s != "" {
					m.Label = s
					break
				}
			}
			for _, p := range []string{"picture", "image", "image_index"} {
				var n int
				if json.Unmarshal(keys[p], &n) == nil && n > 0 {
					m.Picture = n
					break
				}
			}
			return m, true
		}
	}
	return m, false
}

// coordinates reads [x, y, x, y, …] or [[x, y], …].
func coordinates(raw json.RawMessage) ([][2]float64, bool) {
	if raw == nil {
		return nil, false
	}
	var flat []float64
	if json.Unmarshal(raw, &flat) != nil {
		var pairs [][]float64
		if json.Unmarshal(raw, &pairs) != nil {
			return nil, false
		}
		flat = nil // a failed parse leaves zeros
		for _, p := range pairs {
			if len(p) != 2 {
				return nil, false
			}
			flat = append(flat, p...)
		}
	}
	if len(flat) == 0 || len(flat)%2 != 0 {
		return nil, false
	}
	points := make([][2]float64, len(flat)/2)
	for i := range points {
		points[i] = [2]float64{flat[2*i], flat[2*i+1]}
	}
	return points, true
}
