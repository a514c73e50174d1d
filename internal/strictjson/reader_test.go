package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func newReader(text string) *Reader {
	return &Reader{Data: []byte(text), Fail: func(pos int, problem string) error {
		return fmt.Errorf("byte %d: %s", pos, problem)
	}}
}

// whole reads one value of any kind with nothing behind it.
func whole(r *Reader) error {
	_, err := r.Raw()
	return errors.Join(err, r.End())
}

func TestWalk(t *testing.T) {
	r := newReader(` { "a\n\u00e9\ud83d\ude00" : [1, 18446744073709551615 ] , "b":"x",
		"c":{"d":null}} `)
	var got []string
	require.NoError(t, r.Object(func(key []byte) error {
		got = append(got, string(key))
		switch r.Next() {
		case '[':
			return r.Array(func() error {
				v, err := r.Uint()
				got = append(got, fmt.Sprint(v))
				return err
			})
		case '"':
			s, err := r.Str()
			got = append(got, string(s))
			return err
		}
		raw, err := r.Raw()
		got = append(got, string(raw))
		return err
	}))
	require.NoError(t, r.End())
	want := []string{"a\né😀", "1", "18446744073709551615", "b", "x", "c", `{"d":null}`}
	require.Equal(t, want, got)
}

// What is refused, and at which byte.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "byte 0: no value",
		`{`:                             `byte 1: no "\""`,
		`{"a"}`:                         `byte 4: no ":"`,
		`{"a":1,}`:                      `byte 7: no "\""`,
		`[1,]`:                          "byte 3: no value",
		`[1 2]`:                         "byte 3: a list without an end",
		`[1]x`:                          "byte 3: data after the end",
		`"a`:                            "byte 2: a string without an end",
		`"a\`:                           "a string without an end",
		"\"a\nb\"":                      "byte 2: a control character",
		"\"\xff\"":                      "not UTF-8",
		"\"\xc0\xaf\"":                  "not UTF-8",
		"\"\\n\xff\"":                   "not UTF-8",
		`"\x"`:                          "an unknown escape",
		`"\u12"`:                        "a bad \\u escape",
		`"\ud800"`:                      "half a surrogate pair",
		`"\ud800\u0041"`:                "half a surrogate pair",
		`"\udc00\ud800"`:                "half a surrogate pair",
		`nul`:                           "no value",
		`NaN`:                           "no value",
		`01`:                            "a malformed number",
		`1.`:                            "a malformed number",
		`+1`:                            "no value",
		`1e`:                            "a malformed number",
		"\ufeff1":                       "byte 0: no value",
		strings.Repeat("[", MaxDepth+1): "nested too deeply",
		strings.Repeat("[", 1_000_000):  "nested too deeply",
		strings.Repeat(`{"a":`, 65):     "nested too deeply",
	} {
		require.ErrorContains(t, whole(newReader(text)), want, "%.40q", text)
	}
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	require.NoError(t, whole(newReader(deep)))
	wide := "[" + strings.Repeat("[],", 1000) + "[]]"
	require.NoError(t, whole(newReader(wide)), "width is not depth")
}

func TestUint(t *testing.T) {
	for _, text := range []string{
		"", "-1", "1.0", "1e3", "01", "00", "18446744073709551616", "9999999999999999999999",
		"x", "1x",
	} {
		_, err := newReader(text).Uint()
		require.Error(t, err, text)
	}
	v, err := newReader(" 0,").Uint()
	require.NoError(t, err)
	require.Zero(t, v)
}

func TestFields(t *testing.T) {
	stop := errors.New("twice")
	read := func(text string) error {
		r := newReader(text)
		twice := func(key string) error { return fmt.Errorf("%s: %w", key, stop) }
		return r.Fields(twice, func(string) error {
			_, err := r.Raw()
			return err
		})
	}
	require.NoError(t, read(`{"a":1,"A":2,"":3}`), "case counts")
	require.ErrorIs(t, read(`{"a":1,"b":2,"a":3}`), stop)
	require.ErrorIs(t, read(`{"a":1,"\u0061":3}`), stop, "spelled with an escape")
}

// NaN, Infinity and -Infinity are read past where the reader says so, and nothing else that is like
// them.
func TestNaN(t *testing.T) {
	read := func(text string) error {
		r := newReader(text)
		r.NaN = true
		return whole(r)
	}
	for _, text := range []string{"NaN", "Infinity", "-Infinity", `[NaN, 1]`, `{"a":-Infinity}`} {
		require.NoError(t, read(text), text)
		require.Error(t, whole(newReader(text)), text)
	}
	for _, text := range []string{"nan", "NaNN", "NaN1", "inf", "-NaN", "+Infinity", "Infinitya", "-Inf", "-"} {
		require.Error(t, read(text), text)
	}
}

// FuzzReader holds the reader against encoding/json: what it takes, that takes too, with the same
// strings in it.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e-3,"\ud83d\ude00\n",null,true,{}]}`, `[[[[]]]]`, `"é"`, "\"\xff\"",
		`{"a":1,"a":2}`, `1 `, `[1,`, `[NaN,-Infinity]`, `{"a":Infinity}`, `NaN1`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReader(string(data))
		raw, err := r.Raw()
		if err == nil {
			err = r.End()
		}
		loose := newReader(string(data))
		loose.NaN = true
		if err != nil {
			if whole(loose) == nil { // then words are in it
				require.True(t, bytes.Contains(data, []byte("NaN")) ||
					bytes.Contains(data, []byte("Infinity")))
			}
			return
		}
		require.NoError(t, whole(loose))
		require.True(t, json.Valid(data))
		require.Equal(t, bytes.TrimSpace(data), raw)
		if raw[0] == '"' {
			var want string
			require.NoError(t, json.Unmarshal(raw, &want))
			got, err := newReader(string(data)).Str()
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	})
}
