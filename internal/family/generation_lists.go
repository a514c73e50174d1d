package family

// Lists of token ids, and of lists of them. They may be long, as a list of all tokens of a script
// is, so they are read piece by piece within a bound.

import (
	"fmt"
	"math"

	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/strictjson"
)

// maxList bounds the text of a list.
const maxList = 2 << 20

// errList is what fails while a list is read.
type errList struct{ problem string }

func (e *errList) Error() string { return e.problem }

// read reads the value of a key.
func (g generation) read(key string, value func(r *strictjson.Reader) error) error {
	raw := g.Values[key]
	if len(raw) > maxList {
		return &errList{fmt.Sprintf("longer than %d bytes", maxList)}
	}
	r := strictjson.Reader{Data: raw, NaN: true, Fail: func(_ int, problem string) error {
		return &errList{problem}
	}}
	return value(&r)
}

// readNumber reads a number of a list.
func readNumber(r *strictjson.Reader) (float64, error) {
	raw, err := r.Raw()
	if err != nil {
		return 0, err
	}
	v, ok := number(raw)
	if !ok {
		return 0, &errList{"not a number"}
	}
	return v, nil
}

// readIDs reads a list of whole numbers of 32 bits.
func readIDs(r *strictjson.Reader) ([]int, error) {
	var ids []int
	err := r.Array(func() error {
		v, err := readNumber(r)
		if err == nil && (v != math.Trunc(v) || math.Abs(v) > math.MaxInt32) {
			err = &errList{fmt.Sprintf("%v is no token id", v)}
		}
		ids = append(ids, int(v))
		return err
	})
	return ids, err
}

// ids reads a token id or a list of them. What is not in the vocabulary, such as -1, is the
// caller's to judge.
func (g generation) ids(key string) (ids []int) {
	if !g.Has(key) {
		return nil
	}
	if v, ok := number(g.Values[key]); ok && v == math.Trunc(v) && math.Abs(v) <= math.MaxInt32 {
		return []int{int(v)}
	}
	err := g.read(key, func(r *strictjson.Reader) (err error) {
		ids, err = readIDs(r)
		return err
	})
	if err != nil {
		g.fail(key, "not a list of token ids", err)
		return nil
	}
	return ids
}

// tokens is ids for tokens that the model must have.
func (g generation) tokens(key string) []int {
	ids := g.ids(key)
	if err := g.known(ids); err != nil {
		g.fail(key, err.Error(), nil)
	}
	return ids
}

func (g generation) known(ids []int) error {
	for _, id := range ids {
		if id < 0 || id >= g.vocab {
			return &errList{fmt.Sprintf("%d is no token of %d", id, g.vocab)}
		}
	}
	return nil
}

// words reads a list of lists of tokens.
func (g generation) words(key string) (words [][]int) {
	if !g.Has(key) {
		return nil
	}
	err := g.read(key, func(r *strictjson.Reader) error {
		return r.Array(func() error {
			ids, err := readIDs(r)
			if err == nil {
				err = g.known(ids)
			}
			words = append(words, ids)
			return err
		})
	})
	if err != nil {
		g.fail(key, "not a list of lists of tokens", err)
		return nil
	}
	return words
}

// biases reads a list of pairs: tokens, and a number.
func (g generation) biases(key string) (biases []sample.Bias) {
	if !g.Has(key) {
		return nil
	}
	pair := func(r *strictjson.Reader) (b sample.Bias, err error) {
		n := 0
		err = r.Array(func() error {
			switch n++; n {
			case 1:
				if b.Tokens, err = readIDs(r); err == nil {
					err = g.known(b.Tokens)
				}
			case 2:
				b.Bias, err = readNumber(r)
			}
			return err
		})
		if err == nil && (n != 2 || !(b.Bias <= math.MaxFloat32)) {
			err = &errList{"not a pair of tokens and a finite number"}
		}
		return b, err
	}
	err := g.read(key, func(r *strictjson.Reader) error {
		return r.Array(func() error {
			b, err := pair(r)
			biases = append(biases, b)
			return err
		})
	})
	if err != nil {
		g.fail(key, "not a list of tokens and what is added to their score", err)
		return nil
	}
	return biases
}
