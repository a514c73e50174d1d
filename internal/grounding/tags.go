package grounding

// Places between tags, plain or as special tokens.

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	number = `\s*(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)\s*`
	corner = `\(` + number + `,` + number + `\)\s*`
)

// Tags come in two spellings: plain, and as special tokens. A reference may be followed by several
// places; text between them ends it.
var (
	reference = regexp.MustCompile(`<ref>([^<]*)</ref>|<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>`)
	boxTag    = regexp.MustCompile(`(?:<box>|<\|box_start\|>)\s*` + corner + `,?\s*` + corner + `(?:</box>|<\|box_end\|>)`)
	quadTag   = regexp.MustCompile(`(?:<quad>|<\|quad_start\|>)\s*` + corner + `,?\s*` + corner + `,?\s*` + corner + `,?\s*` + corner + `(?:</quad>|<\|quad_end\|>)`)
	pointTag  = regexp.MustCompile(`(?:<point>|<\|point_start\|>|<box>|<\|box_start\|>)\s*` + corner + `(?:</point>|<\|point_end\|>|</box>|<\|box_end\|>)`)
	call      = regexp.MustCompile(`\(\s*x\s*=` + number + `,\s*y\s*=` + number + `[,)]`)
	points    = regexp.MustCompile(`<points?((?:\s+[a-z]+[0-9]{0,4}\s*=\s*"[^"<>]*")+)\s*/?>([^<]*)`)
	attribute = regexp.MustCompile(`([a-z]+[0-9]{0,4})\s*=\s*"([^"]*)"`)
	decimal   = regexp.MustCompile(`^` + number + `$`)
)

// tagged finds places between tags.
func tagged(text string) []Mark {
	var marks []Mark
	for shape, pattern := range []*regexp.Regexp{Box: boxTag, Point: pointTag, Quad: quadTag} {
		for _, m := range pattern.FindAllStringSubmatchIndex(text, maxMarks) {
			mark := Mark{Shape: Shape(shape), Start: m[0], End: m[1]}
			for i := 2; i < len(m); i += 4 {
				mark.Points = append(mark.Points, [2]float64{value(text[m[i]:m[i+1]]), value(text[m[i+2]:m[i+3]])})
			}
			marks = append(marks, mark)
		}
	}
	label(text, marks)
	return append(marks, pointTags(text)...)
}

// pointTags finds points written as attributes: <points x1="4" y1="5" x2="6" y2="7"
// alt="wheel">wheel</points>.
func pointTags(text string) []Mark {
	var marks []Mark
	for _, m := range points.FindAllStringSubmatchIndex(text, maxMarks) {
		attributes := map[string]string{}
		var order []string // of the x
		for _, a := range attribute.FindAllStringSubmatch(text[m[2]:m[3]], maxMarks) {
			if a[1][0] == 'x' && attributes[a[1]] == "" {
				order = append(order, a[1])
			}
			attributes[a[1]] = a[2]
		}
		label := attributes["alt"]
		if label == "" {
			label = strings.TrimSpace(text[m[4]:m[5]])
		}
		for _, name := range order {
			x, y := decimal.FindStringSubmatch(attributes[name]), decimal.FindStringSubmatch(attributes["y"+name[1:]])
			if x != nil && y != nil {
				marks = append(marks, Mark{Label: label, Shape: Point, Points: [][2]float64{{value(x[1]), value(y[1])}}, Start: m[0], End: m[5]})
			}
		}
	}
	return marks
}

// label gives places the reference that they follow, with nothing but other places and punctuation
// between.
func label(text string, marks []Mark) {
	ends := map[int]int{} // by end of a place or a reference: where what leads to it is
	labels := map[int]string{}
	for _, m := range reference.FindAllStringSubmatchIndex(text, maxMarks) {
		i := 2
		if m[i] < 0 {
			i = 4
		}
		labels[m[1]] = strings.TrimSpace(text[m[i]:m[i+1]])
	}
	byStart := map[int]int{}
	for i, m := range marks {
		byStart[m.Start] = i
		ends[m.End] = i
	}
	starts := make([]int, 0, len(marks))
	for s := range byStart {
		starts = append(starts, s)
	}
	slices.Sort(starts)
	for _, s := range starts {
		at := len(strings.TrimRight(text[:s], " \t\r\n,;，；、"))
		if l, ok := labels[at]; ok {
			marks[byStart[s]].Label = l
		} else if before, ok := ends[at]; ok {
			marks[byStart[s]].Label = marks[before].Label
		}
	}
}

// calls finds points written as arguments: click(x=0.25, y=0.5).
func calls(text string) []Mark {
	var marks []Mark
	for _, m := range call.FindAllStringSubmatchIndex(text, maxMarks) {
		marks = append(marks, Mark{Shape: Point, Start: m[0], End: m[1],
			Points: [][2]float64{{value(text[m[2]:m[3]]), value(text[m[4]:m[5]])}}})
	}
	return marks
}

func value(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64) // the patterns let nothing else through
	return v
}
