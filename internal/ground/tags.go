package ground

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

// Tags come in two spellings: plain, and as special tokens. A reference may be followed by several places; text between them ends it.
var (
	reference = regexp.MustCompile(`<ref>([^<]*)</ref>|<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>`)
	boxTag    = regexp.MustCompile(`(?:<box>|<\|box_start\|>)\s*` + corner + `,?\s*` + corner + `(?:</box>|<\|box_end\|>)`)
	quadTag   = regexp.MustCompile(`(?:<quad>|<\|quad_start\|>)\s*` + corner + `,?\s*` + corner + `,?\s*` + corner + `,?\s*` + corner + `(?:</quad>|<\|quad_end\|>)`)
	pointTag  = regexp.MustCompile(`(?:<point>|<\|point_start\|>|<box>|<\|box_start\|>)\s*` + corner + `(?:</point>|<\|point_end\|>|</box>|<\|box_end\|>)`)
	call      = regexp.MustCompile(`\(\s*x\s*=` + number + `,\s*y\s*=` + number + `[,)]`)
	picture   = regexp.MustCompile(`(?i)(?:picture|image|图片?)\s*([0-9]{1,4})`)
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
	return marks
}

// label gives places the reference that they follow, with nothing but other places and punctuation between.
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
		at := len(strings.TrimRight(text[:s], " \t\n,;"))
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

// name is where a text names a picture by its number.
type name struct{ at, number int }

func pictureNames(text string) []name {
	var names []name
	for _, m := range picture.FindAllStringSubmatchIndex(text, maxMarks) {
		n, _ := strconv.Atoi(text[m[2]:m[3]])
		names = append(names, name{m[0], n})
	}
	return names
}
