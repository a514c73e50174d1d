package tokenizer

// How much a file may hold, for all parsers.

// The bounds are far above every published tokenizer (250,000 tokens of
// at most 256 bytes, files of 20 MB) and keep memory and time of parsing within a small multiple of
// the file.
const (
	maxFileBytes  = 128 << 20
	maxRankBytes  = 32 << 20 // of a file of ranks, where every cut of every token is looked up
	maxVocab      = 1 << idBits
	maxMerges     = 1<<rankBits - 1
	maxTokenBytes = 512
	maxAdded      = 1 << 14
	maxAddedBytes = 256
)

func checkSize(file string, data []byte, limit int) error {
	if len(data) > limit {
		return formatError(file, "", "%d bytes are more than the limit of %d", len(data), limit)
	}
	return nil
}
