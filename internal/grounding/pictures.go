package grounding

// Which picture a place is in: named by its object, or by the text before it.

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A picture is named by a number or an ordinal: "Picture 2", "image_2", "img #2", "second image",
// "2nd photo", "图2", "第二张图".
const (
	noun     = `(?:picture|image|img|photo|pic\.?)`
	numerals = "一二三四五六七八九十"
	naming   = `\b` + noun + `(?:[\s_#\[-]*(?:(?:no\.?|number)\s*)?(?:([0-9]{1,4})|` +
		`(one|two|three|four|five|six|seven|eight|nine|ten))\b|\s*\(([0-9]{1,4})\))` +
		`|(?:图片|图像|照片|图)(?:[\s_#-]*([0-9]{1,4})\b|\s*[(（]([0-9]{1,4})[)）])` +
		`|图([` + numerals + `])(?:[\s中里的，。：:）)<{\[]|$)` +
		`|\b(?:([0-9]{1,4})(?:st|nd|rd|th)|` +
		`(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth))[\s_-]*` + noun + `\b` +
		`|第\s*([0-9]{1,4}|[` + numerals + `])\s*[张幅个]?\s*(?:图片|图像|照片|图)`
)

var (
	mention = regexp.MustCompile(`(?i)` + naming)
	whole   = regexp.MustCompile(`(?i)^\s*(?:the\s+)?(?:` + naming + `)` +
		`[)\]）]?(?:\.(?:jpe?g|png|webp|bmp|gif))?\s*$`)
)

// numbers has the words for numbers.
var numbers = map[string]int{}

func init() {
	words := strings.Fields("one two three four five six seven eight nine ten " +
		"first second third fourth fifth sixth seventh eighth ninth tenth")
	for _, numeral := range numerals {
		words = append(words, string(numeral))
	}
	for i, word := range words {
		numbers[word] = i%10 + 1
	}
}

// noPicture is the number in a Mark of which a key names a picture that cannot be.
const noPicture = -1

// numbered turns the number that a key gives into a Mark's.
func numbered(v float64) int {
	if n := int(min(max(v, -1), 1e6)); n > 0 && float64(n) == v {
		return n
	}
	return noPicture
}

// pictureOf reads a text that names a picture and does nothing else. It returns 0 for all others.
func pictureOf(s string) int {
	if len(s) > maxKey {
		return 0
	}
	m := whole.FindStringSubmatchIndex(s)
	if m == nil {
		return 0
	}
	return numbered(float64(named(s, m)))
}

// named returns the number in a match of naming.
func named(s string, match []int) int {
	for i := 2; i < len(match); i += 2 {
		if match[i] < 0 {
			continue
		}
		word := s[match[i]:match[i+1]]
		if n, err := strconv.Atoi(word); err == nil {
			return n
		}
		return numbers[strings.ToLower(word)]
	}
	return 0
}

// assign gives each mark, in order, its picture: the one that its object names, or else the one
// named last in the text before it. Numbers that no picture has are no names in text: "an image of
// 1024 by 768" is about none. Where a key has such a number, the mark is left out, for it is not
// known where it belongs; unless there is a single picture.
//
// Text within the objects names no picture: a label may well be "the dog of image 2".
func assign(marks []Mark, text string, objects []span, pictures int) []Mark {
	if len(marks) == 0 {
		return nil
	}
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
			if n := named(text, mentions[k]); n > 0 && n <= pictures {
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
