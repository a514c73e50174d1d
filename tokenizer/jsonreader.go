package tokenizer

// What the parsers of this package need of a JSON file besides internal/strictjson: errors that
// name the file, objects whose keys must differ, token ids. A vocabulary is not read with
// encoding/json, which repairs strings, folds the case of keys and takes a key twice.

import (
	"strconv"

	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// jsonReader reads a file.
type jsonReader struct {
	strictjson.Reader
	file string
}

func newJSONReader(file string, data []byte) *jsonReader {
	return &jsonReader{strictjson.Reader{Data: data, Fail: func(pos int, problem string) error {
		return formatError(file, "byte "+strconv.Itoa(pos), "bad JSON: %s", problem)
	}}, file}
}

// fields reads an object with known keys: it refuses a key that comes twice.
func (r *jsonReader) fields(path string, member func(key string) error) error {
	twice := func(key string) error { return formatError(r.file, path, "duplicate key %s", quote(key)) }
	return r.Fields(twice, member)
}

// id reads a token id: a whole number from 0 to maxVocab−1.
func (r *jsonReader) id() (id int, ok bool) {
	v, err := r.Uint()
	return int(v), err == nil && v < maxVocab
}

// parseID reads decimal digits.
func parseID(digits []byte) (id int, ok bool) {
	v, err := strconv.ParseUint(string(digits), 10, 64)
	return int(v), err == nil && v < maxVocab && (digits[0] != '0' || len(digits) == 1)
}

// boolean reads true or false.
func (r *jsonReader) boolean(field string) (bool, error) {
	switch raw, err := r.Raw(); {
	case err != nil:
		return false, err
	case string(raw) == "true":
		return true, nil
	case string(raw) == "false":
		return false, nil
	}
	return false, formatError(r.file, field, "neither true nor false")
}
