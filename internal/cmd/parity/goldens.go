package main

// Tokenizers against recorded ids and texts, field by field of each row.

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl/tokenizer"
)

// goldenRow is a line of recorded tokenizations, its fields by name.
type goldenRow map[string]json.RawMessage

// compareTokens compares a tokenizer file with recorded rows. Its name says which fields are its own.
func compareTokens(path, goldens string, c *counter) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	var compare func(*comparison) error
	var tok *tokenizer.Tokenizer
	switch name := strings.TrimSuffix(filepath.Base(path), ".gz"); {
	case name == "tiktoken.model":
		config, err := readFile(filepath.Join(filepath.Dir(path), "tokenizer_config.json"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		tok, err = tokenizer.ParseTiktoken(data, tokenizer.HanOptions(config))
		compare = compareHan
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	case strings.HasSuffix(name, ".tiktoken"):
		tok, err = tokenizer.ParseTiktoken(data, tokenizer.ImageTagOptions())
		compare = compareRanks
	case strings.HasSuffix(name, ".json"):
		tok, err = tokenizer.ParseJSON(data)
		compare = compareJSON
	default:
		return fmt.Errorf("%s: not named tokenizer.json, *.tiktoken or tiktoken.model", path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return eachLine(goldens, func(line int, row goldenRow) error {
		return compare(&comparison{row: row, line: line, tok: tok, c: c})
	})
}

// comparison holds one row against what the tokenizer makes of it.
type comparison struct {
	row  goldenRow
	line int
	tok  *tokenizer.Tokenizer
	c    *counter
}

// has reports whether the row has a field.
func (j *comparison) has(field string) bool { _, ok := j.row[field]; return ok }

// want reads a field, which may be left out (absent counts then) or true (same counts then).
func want[T any](j *comparison, field string, absent, same T) (T, error) {
	raw, ok := j.row[field]
	switch {
	case !ok:
		return absent, nil
	case string(raw) == "true":
		return same, nil
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("%s: %w", field, err)
	}
	return v, nil
}

func (j *comparison) ids(field string, want, got []int) {
	j.c.add(slices.Equal(want, got), func() string { return fmt.Sprintf("line %d: %s: %v, want %v", j.line, field, got, want) })
}

func (j *comparison) text(field, want, got string) {
	j.c.add(want == got, func() string { return fmt.Sprintf("line %d: %s: %q, want %q", j.line, field, got, want) })
}

func (j *comparison) bytes(ids []int) string {
	var b []byte
	for _, id := range ids {
		b = j.tok.AppendBytes(b, id)
	}
	return string(b)
}

// compareJSON compares the fields of a tokenizer.json.
func compareJSON(j *comparison) error {
	text, errText := want(j, "text", "", "")
	ids, errIDs := want[[]int](j, "qwen2", nil, nil)
	if j.has("text") {
		plain, err := want(j, "qwen2_plain", ids, ids)
		if err := errors.Join(errText, errIDs, err); err != nil {
			return err
		}
		if !j.has("qwen2") {
			return nil
		}
		j.ids("qwen2", ids, j.tok.EncodeSpecial(text))
		j.ids("qwen2_plain", plain, j.tok.Encode(text))
	} else if ids, errIDs = want[[]int](j, "ids", nil, nil); errIDs != nil {
		return errIDs
	}
	if !j.has("qwen2_decoded") {
		return nil
	}
	decoded, err := want(j, "qwen2_decoded", "", text)
	skipped, errSkip := want(j, "qwen2_decoded_skip", decoded, text)
	if err := errors.Join(err, errSkip); err != nil {
		return err
	}
	j.text("qwen2_decoded", decoded, j.tok.Decode(ids, false))
	j.text("qwen2_decoded_skip", skipped, j.tok.Decode(ids, true))
	return nil
}

// compareRanks compares the fields of a *.tiktoken file.
func compareRanks(j *comparison) error {
	text, errText := want(j, "text", "", "")
	switch {
	case errText != nil:
		return errText
	case j.has("bytes"):
		raw, err := want[[]byte](j, "bytes", nil, nil)
		ids, errIDs := want[[]int](j, "qwen_vl_bytes", nil, nil)
		if err := errors.Join(err, errIDs); err != nil {
			return err
		}
		j.text("qwen_vl_bytes", string(raw), j.bytes(ids))
		return nil
	case !j.has("text"):
		return compareRankIDs(j)
	case !j.has("qwen_vl"):
		return nil
	}
	same, err := want[[]int](j, "qwen2", nil, nil)
	ids, errIDs := want(j, "qwen_vl", nil, same)
	tags, errTags := want(j, "qwen_vl_image_only", ids, same)
	plain, errPlain := want(j, "qwen_vl_plain", ids, same)
	if err := errors.Join(err, errIDs, errTags, errPlain); err != nil {
		return err
	}
	allowed := map[string]bool{}
	for _, t := range tokenizer.ImageTags() {
		allowed[t] = true
	}
	j.ids("qwen_vl", ids, j.tok.EncodeSpecial(text))
	j.ids("qwen_vl_image_only", tags, j.tok.EncodeAllowed(text, allowed))
	j.ids("qwen_vl_plain", plain, j.tok.Encode(text))
	if j.has("qwen_vl_decoded") {
		decoded, err := want(j, "qwen_vl_decoded", "", text)
		if err != nil {
			return err
		}
		j.text("qwen_vl_decoded", decoded, j.tok.Decode(ids, false))
	}
	return nil
}

func compareRankIDs(j *comparison) error {
	ids, err := want[[]int](j, "ids", nil, nil)
	if err != nil {
		return err
	}
	if j.has("qwen_vl_decoded") {
		decoded, err := want(j, "qwen_vl_decoded", "", "")
		if err != nil {
			return err
		}
		j.text("qwen_vl_decoded", decoded, j.tok.Decode(ids, false))
	}
	if j.has("qwen_vl_bytes_decoded") {
		encoded, err := want(j, "qwen_vl_bytes_decoded", "", "")
		raw, errBytes := base64.StdEncoding.DecodeString(encoded)
		if err := errors.Join(err, errBytes); err != nil {
			return err
		}
		j.text("qwen_vl_bytes_decoded", string(raw), j.bytes(ids))
	}
	return nil
}

// compareHan compares the fields of a tiktoken.model.
func compareHan(j *comparison) error {
	if !j.has("text") || !j.has("ids") {
		return nil
	}
	text, errText := want(j, "text", "", "")
	ids, errIDs := want[[]int](j, "ids", nil, nil)
	plain, errPlain := want(j, "ids_plain", ids, ids)
	if err := errors.Join(errText, errIDs, errPlain); err != nil {
		return err
	}
	j.ids("ids", ids, j.tok.EncodeSpecial(text))
	j.ids("ids_plain", plain, j.tok.Encode(text))
	return nil
}
