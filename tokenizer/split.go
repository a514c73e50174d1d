package tokenizer

// Cutting text into the pieces that are merged on their own. The published patterns are regular
// expressions with a look-ahead; here each is a scanner written by hand, in linear time.
// split_han.go has the one for vocabularies that keep Han characters apart.

// Split names a way to cut text into the pieces that are merged on their own.
//
// Each is a published pattern, followed by hand because it needs a look-ahead and must take linear
// time.
type Split int

const (
	// SplitWords cuts as
	//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
	SplitWords Split = iota
	// SplitMarks is SplitWords with combining marks counted as letters:
	//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
	SplitMarks
	// SplitHan keeps Han characters apart, cuts words where a capital follows a small letter and
	// takes digits in threes:
	//	[\p{Han}]+
	//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
	//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
	//	\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
	// (the lines are alternatives of one pattern).
	SplitHan

	numSplits
)

const (
	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	upperRun     = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	lowerRun     = `[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	spaces       = `|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// splitPatterns has the spelling of each Split in files.
var splitPatterns = [numSplits]string{
	SplitWords: contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` + spaces,
	SplitMarks: contractions +
		`|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*` + spaces,
	SplitHan: `[\p{Han}]+` +
		`|[^\r\n\p{L}\p{N}]?` + upperRun + `*` + lowerRun + `+` + contractions + `?` +
		`|[^\r\n\p{L}\p{N}]?` + upperRun + `+` + lowerRun + `*` + contractions + `?` +
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + spaces,
}

// splitter finds the end of the piece that starts at s[i]; s is valid UTF-8 and i < len(s).
type splitter func(t *classTable, s string, i int) int

func (p Split) splitter() splitter {
	switch p {
	case SplitMarks:
		return nextWordWithMarks
	case SplitHan:
		return nextHanWord
	default:
		return nextWord
	}
}

func nextWord(t *classTable, s string, i int) int { return nextWordOf(t, s, i, classLetter) }

func nextWordWithMarks(t *classTable, s string, i int) int {
	return nextWordOf(t, s, i, classLetter|classMark)
}

// nextWordOf follows SplitWords and SplitMarks; letter is what counts as one.
func nextWordOf(t *classTable, s string, i int, letter uint8) int {
	c, n := t.at(s, i)
	j := i + n
	if c&letter != 0 {
		return t.run(s, j, letter)
	}
	if c&classNumber != 0 {
		return j
	}
	b := s[i]
	if b == '\'' {
		if k := contraction(s, i); k > 0 {
			return i + k
		}
	}
	if b != '\r' && b != '\n' {
		if d, m := t.peek(s, j); d&letter != 0 {
			return t.run(s, j+m, letter)
		}
	}
	return nextOther(t, s, i, letter)
}

// nextOther follows the alternatives that all patterns end with: `
// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
//
// The character at i is neither a letter nor a number.
func nextOther(t *classTable, s string, i int, letter uint8) int {
	c, n := t.at(s, i)
	j := i
	if s[i] == ' ' {
		j = i + 1
		c, n = t.peek(s, j)
	}
	inWord := letter | classNumber | classSpace
	if n > 0 && c&inWord == 0 {
		j = t.runOutside(s, j+n, inWord)
		for j < len(s) && (s[j] == '\r' || s[j] == '\n') {
			j++
		}
		return j
	}
	return nextSpaces(t, s, i)
}

// nextSpaces follows `\s*[\r\n]+|\s+(?!\S)|\s+` at a space: up to the last line break of the run,
// else the run without its last character when text follows, so that this one can go with the text.
//
// The rest of a run is scanned again in later calls, but at most twice, so the split stays linear.
func nextSpaces(t *classTable, s string, i int) int {
	lineEnd, last, j := -1, i, i
	for j < len(s) {
		c, n := t.at(s, j)
		if c&classSpace == 0 {
			break
		}
		last = j
		j += n
		if s[last] == '\r' || s[last] == '\n' {
			lineEnd = j
		}
	}
	switch {
	case lineEnd >= 0:
		return lineEnd
	case j < len(s) && last > i:
		return last
	}
	return j
}

// contraction returns the length of a match of (?i:'s|'t|'re|'ve|'m|'ll|'d) at s[i], or 0.
func contraction(s string, i int) int {
	if i+1 >= len(s) || s[i] != '\'' {
		return 0
	}
	a := s[i+1] | 0x20
	switch a {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v', 'l':
		if i+2 < len(s) {
			if b := s[i+2] | 0x20; (a == 'l' && b == 'l') || (a != 'l' && b == 'e') {
				return 3
			}
		}
	}
	// U+017F, the long s, is an s when case does not count.
	if i+2 < len(s) && s[i+1] == 0xc5 && s[i+2] == 0xbf {
		return 3
	}
	return 0
}
