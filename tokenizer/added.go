package tokenizer

// Tokens that are found in text as a whole, before anything is cut or merged: marks of turns,
// pictures and tool calls. Which of them count at a place is the caller's to say (encode.go: only
// those that lie in trusted text).

// AddedToken is a token that is found in text as a whole, before the text is cut and merged.
type AddedToken struct {
	ID      int
	Text    string
	Special bool // steers the model; see the package comment

	normalized     bool // is looked for in the normalized text instead of the original
	lstrip, rstrip bool // takes the white space before or behind it
}

// addedTrie finds added tokens in text.
type addedTrie struct {
	edges  map[uint32]uint32 // node<<8 | byte → node; node 0 is the root
	token  []int32           // by node: index of the token that ends there, or -1
	starts [256]bool         // bytes that some token starts with
}

func newAddedTrie() *addedTrie {
	return &addedTrie{edges: make(map[uint32]uint32), token: []int32{-1}}
}

func (t *addedTrie) add(text string, index int) {
	node := uint32(0)
	t.starts[text[0]] = true
	for i := range len(text) {
		key := node<<8 | uint32(text[i])
		next, ok := t.edges[key]
		if !ok {
			next = uint32(len(t.token))
			t.token = append(t.token, -1)
			t.edges[key] = next
		}
		node = next
	}
	t.token[node] = int32(index)
}

// find returns the first place from i on where a token that allow accepts stands, the longest one
// there; index is -1 if none.
func (t *addedTrie) find(
	text string, i int, allow func(index, start, end int) bool,
) (index, start, end int) {
	if len(t.token) == 1 {
		return -1, 0, 0
	}
	for ; i < len(text); i++ {
		if !t.starts[text[i]] {
			continue
		}
		index = -1
		node := uint32(0)
		for j := i; j < len(text); j++ {
			next, ok := t.edges[node<<8|uint32(text[j])]
			if !ok {
				break
			}
			node = next
			if k := t.token[node]; k >= 0 && allow(int(k), i, j+1) {
				index, end = int(k), j+1
			}
		}
		if index >= 0 {
			return index, i, end
		}
	}
	return -1, 0, 0
}
