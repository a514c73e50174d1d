package grounding

// Which picture a place is in: named by its object, or by the text before it.

import (
	"regexp"
	"slices"
	"strconv"
)

const numberedPicture = `(?:\b(?:picture|image)|图片|图像|图)[\s_#-]*([0-9]{1,4})`

var (
	mention = regexp.MustCompile(`(?i)` + numberedPicture + `\b`)
	whole   = regexp.MustCompile(`(?i)^` + numberedPicture + `$`)
)

// noPicture is the number in a Mark of which a key names a picture that cannot be.
const noPicture = -1

// numbered turns the number that a key gives into a Mark's.
func numbered(v float64) int {
	if n := int(min(max(v, -1), 1e6)); n > 0 && float64(n) == v {
		return n
	}
	return noPicture
}

// pictureOf reads a text that names a picture and does nothing else: "Picture 2", "image_2", "图2".
// It returns 0 for all others.
func pictureOf(s string) int {
	m := whole.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return numbered(float64(n))
}

// assign gives each mark, in order, its picture: the one that its object names, or else the one
// named last in the text before it. Numbers that no picture has are no names in text: "an image of
// 1024 by 768" is about none. Where a key has such a number, the mark is left out, for it is not
// known where it belongs; unless there is a single picture.
//
// Text within the objects names no picture: a label may well be "the dog of image 2".
func assign(marks []Mark, text string, objects []span, pictures int) []Mark {
	mentions := mention.FindAllStringSubmatchIndex(text, -1)
	k, inside, last := 0, 0, 0
	for i := range marks {
		m := &marks[i]
		for ; k < len(mentions) && mentions[k][0] < m.Start; k++ {
			at := mentions[k][0]
			for inside < len(objects) && objects[inside].end <= at {
				inside++
			}
			if inside < len(objects) && objects[inside].start <= at {
				continue
			}
			if n, _ := strconv.Atoi(text[mentions[k][2]:mentions[k][3]]); n > 0 && n <= pictures {
				last = n
			}
		}
		switch {
		case m.Picture == 0:
			m.Picture = last
		case m.Picture > pictures || m.Picture == noPicture:
			m.Picture = noPicture
			if pictures == 1 {
				m.Picture = 1
			}
		}
	}
	return slices.DeleteFunc(marks, func(m Mark) bool { return m.Picture == noPicture })
}
