// Package tokenizer turns text into token ids and back, as byte-level BPE with the split patterns,
// normalization and added tokens of the checkpoints this module reads.
//
// Three file forms are read: tokenizer.json ([ParseJSON]), vocab.json with merges.txt
// ([ParseVocabMerges]) and ranked byte strings in base64 ([ParseTiktoken]). [Parse] reads the first
// two with the further files that may have added tokens. What a file asks for and this package does
// not do is refused with an [UnsupportedError] when it is parsed, never ignored.
//
// # Special tokens
//
// A special token steers the model, so a spelling of one in somebody's text must not become one.
// [Tokenizer.Encode] is for text of users: special spellings stay text. [Tokenizer.EncodeSpans] is
// for a rendered prompt whose parts are marked as written by the chat template or not; a special
// token is recognized only where it lies wholly in trusted text. Added tokens that the checkpoint
// does not call special (marks of tool calls, say) are tokens wherever they stand.
//
// # Text that is not UTF-8
//
// The references take Unicode strings only. Here each maximal invalid part of the input counts as
// one U+FFFD, the same rule that decoding follows, so encoding then decoding gives strings in which
// only those parts and the normalization differ.
//
// # Cost
//
// Encoding takes O(n log n) time and O(n) memory in the length of the text, whatever the text: the
// split scanners are written by hand, without backtracking, and long pieces are merged with a heap.
// There is no cache of words.
//
// A [Tokenizer] does not change after it was parsed and is safe for concurrent use. A [Stream]
// belongs to one goroutine.
package tokenizer
