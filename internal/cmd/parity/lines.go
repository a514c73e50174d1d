package main

// Reading files of goldens: plain or compressed, JSON line by line.

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// openFile opens a file, unpacked if its name ends in .gz.
func openFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

func readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// eachLine parses every line of a JSONL file and calls f with its number and value. A line that
// cannot be compared does not keep the others from it; the first such error is returned.
func eachLine[T any](path string, f func(line int, row T) error) error {
	file, err := openFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var first error
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<28)
	for n := 1; in.Scan(); n++ {
		if len(strings.TrimSpace(in.Text())) == 0 {
			continue
		}
		var row T
		err := json.Unmarshal(in.Bytes(), &row)
		if err == nil {
			err = f(n, row)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s: line %d: %w", path, n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return first
}
