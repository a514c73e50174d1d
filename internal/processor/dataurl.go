package processor

// Pictures in data: URLs. No other URL is read: this library opens no connection.
//
// Source: RFC 2397; the WHATWG's fetch standard (data: URL processor) and infra standard (forgiving
// base64), which say what browsers accept.

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/qwenvl/qwenvl/preprocess"
)

// parseURL returns the data of a data: URL,
//
//	data:image/png;name=a.png;base64,iVBORw0KGgo…
//
// whose media type is not looked at: a picture's own first bytes say what it is. The data may be
// percent-encoded, base64 of the usual or the URL alphabet, with white space and without padding.
// Memory is that of the data, which has at most a byte more than the limit.
func parseURL(url string, limit int) ([]byte, error) {
	url = strings.Trim(url, "\t\n\f\r ")
	scheme, rest, ok := strings.Cut(url, ":")
	if scheme = strings.ToLower(scheme); !ok || scheme != "data" {
		return nil, otherURL(scheme, ok)
	}
	head, body, ok := strings.Cut(rest, ",")
	if !ok {
		return nil, errors.New("a data: URL without a comma before its data")
	}
	last := head[strings.LastIndexByte(head, ';')+1:]
	if strings.ContainsRune(head, ';') && strings.EqualFold(strings.TrimSpace(last), "base64") {
		return parseBase64(body, limit)
	}
	var out []byte
	for i := 0; i < len(body); {
		c, n, err := percent(body, i)
		if err != nil {
			return nil, err
		}
		if len(out) > limit {
			return nil, tooLong(len(body), limit)
		}
		out, i = append(out, c), i+n
	}
	return out, nil
}

// schemeBytes are what a scheme in lower case is made of.
const schemeBytes = "abcdefghijklmnopqrstuvwxyz0123456789+-."

// otherURL is the error of a URL that is not read.
func otherURL(scheme string, ok bool) error {
	const bytes = "give its bytes to ImageBytes, or a reader of them to ImageReader"
	switch {
	case !ok || len(scheme) < 2 || len(scheme) > 20 || strings.Trim(scheme, schemeBytes) != "":
		// A drive's letter is no scheme, nor is what RFC 3986 would not have as one.
		return errors.New("not a URL: give the path of a file to ImageFile")
	case scheme == "file":
		return errors.New("file: URLs are not read: give the path to ImageFile")
	}
	const problem = "%q URLs are not read: this library fetches nothing; fetch it and %s"
	return fmt.Errorf(problem, scheme, bytes)
}

// percent reads the byte at i of a URL, or the one that is written there as % and two digits, and
// says how long that is.
func percent(s string, i int) (c byte, n int, err error) {
	if s[i] != '%' {
		return s[i], 1, nil
	}
	for _, h := range []byte(s[i+1 : min(i+3, len(s))]) {
		d := strings.IndexByte("0123456789abcdef", h|0x20)
		if d < 0 || h < '0' {
			break
		}
		c, n = c<<4|byte(d), n+1
	}
	if n < 2 {
		return 0, 0, fmt.Errorf("a %% without two digits behind it, at byte %d of the data", i)
	}
	return c, 3, nil
}

func parseBase64(body string, limit int) ([]byte, error) {
	most := base64.RawStdEncoding.EncodedLen(limit + 1)
	text := make([]byte, 0, min(len(body), most))
	padding := 0
	for i := 0; i < len(body); {
		c, n, err := percent(body, i)
		if err != nil {
			return nil, err
		}
		i += n
		switch c {
		case ' ', '\t', '\n', '\f', '\r':
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		case '=':
			padding++
			continue
		}
		if padding > 0 {
			return nil, errors.New("base64 goes on behind its padding")
		}
		if len(text) == most {
			return nil, tooLong(base64.RawStdEncoding.DecodedLen(len(body)), limit)
		}
		text = append(text, c)
	}
	if padding > 0 && (padding > 2 || (len(text)+padding)%4 != 0) {
		return nil, fmt.Errorf("base64 of %d characters with %d of padding", len(text), padding)
	}
	n, err := base64.RawStdEncoding.Decode(text, text)
	if err != nil {
		return nil, fmt.Errorf("bad base64 in a data: URL: %w", err)
	}
	return text[:n], nil
}

func tooLong(n, limit int) error {
	return &preprocess.LimitError{What: "bytes", Got: int64(n), Max: int64(limit)}
}
