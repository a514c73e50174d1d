package tokenizer

// The pattern that keeps Han characters apart and cuts words at changes from lower to upper case.
// It is the only one whose alternatives overlap, which is what this file is about; the rest is in
// split.go.

// In SplitHan, a word is a run of "upper" characters and then a run of "lower" ones; letters
// without case and marks are both.
const (
	hanUpper = classUpper | classOtherLetter | classMark
	hanLower = classLower | classOtherLetter | classMark
)

// nextHanWord follows SplitHan.
func nextHanWord(t *classTable, s string, i int) int {
	c, n := t.at(s, i)
	if c&classHan != 0 {
		return t.run(s, i+n, classHan)
	}
	// The optional first character of a word: not a letter, not a number, not a line break. With it
	// first, then without.
	if c&(classLetter|classNumber) == 0 && s[i] != '\r' && s[i] != '\n' {
		if end := hanWordLower(t, s, i+n); end > 0 {
			return contracted(s, end)
		}
	}
	if end := hanWordLower(t, s, i); end > 0 {
		return contracted(s, end)
	}
	if c&(classLetter|classNumber) == 0 && s[i] != '\r' && s[i] != '\n' {
		if end := hanWordUpper(t, s, i+n); end > 0 {
			return contracted(s, end)
		}
	}
	if end := hanWordUpper(t, s, i); end > 0 {
		return contracted(s, end)
	}
	if c&classNumber != 0 {
		j := i + n
		for range 2 {
			d, m := t.peek(s, j)
			if d&classNumber == 0 {
				break
			}
			j += m
		}
		return j
	}
	return nextOther(t, s, i, classLetter)
}

func contracted(s string, end int) int { return end + contraction(s, end) }

// hanRun returns the end of the run from i of characters that meet mask and are not Han.
func hanRun(t *classTable, s string, i int, mask uint8) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c&mask == 0 || c&classHan != 0 {
			break
		}
		i += n
	}
	return i
}

// hanWordLower matches upper*lower+ at i and returns its end, or 0.
//
// The greedy upper run gives characters back until a lower one follows; those can only be the ones
// that are both, and what stands behind the last of these in the run is upper only, so the match
// ends right behind it.
func hanWordLower(t *classTable, s string, i int) int {
	end, j := 0, i
	for j < len(s) {
		c, n := t.at(s, j)
		if c&hanUpper == 0 || c&classHan != 0 {
			break
		}
		j += n
		if c&hanLower != 0 {
			end = j
		}
	}
	if k := hanRun(t, s, j, hanLower); k > j {
		return k
	}
	return end
}

// hanWordUpper matches upper+lower* at i and returns its end, or 0.
func hanWordUpper(t *classTable, s string, i int) int {
	j := hanRun(t, s, i, hanUpper)
	if j == i {
		return 0
	}
	return hanRun(t, s, j, hanLower)
}
