package golden

// A folder of a checkpoint with recorded cases, and its bounds.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Fixture is a checkpoint folder with cases. It is immutable and safe for concurrent use.
type Fixture struct {
	Dir    string
	Family string
	Cases  []string // names of the folders under cases, sorted
	bounds map[string]float64
}

// Open reads fixture.json and lists the cases.
//
// Errors: the file's own or the JSON decoder's, wrapped with the file's name.
func Open(dir string) (*Fixture, error) {
	path := filepath.Join(dir, "fixture.json")
	var raw struct {
		Family    string                     `json:"family"`
		Tolerance map[string]json.RawMessage `json:"tolerance"`
	}
	if err := readJSON(path, &raw); err != nil {
		return nil, err
	}
	f := &Fixture{Dir: dir, Family: raw.Family, bounds: make(map[string]float64, len(raw.Tolerance))}
	for stage, value := range raw.Tolerance {
		b, err := parseBound(value)
		if err != nil {
			return nil, fmt.Errorf("golden: read: %s: tolerance of %q: %w", path, stage, err)
		}
		f.bounds[stage] = b
	}
	entries, err := os.ReadDir(filepath.Join(dir, "cases"))
	if err != nil {
		return nil, fmt.Errorf("golden: list cases: %w", err)
	}
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, "cases", e.Name())); err == nil && info.IsDir() {
			f.Cases = append(f.Cases, e.Name())
		}
	}
	slices.Sort(f.Cases)
	return f, nil
}

// parseBound reads a tolerance: a number, or an object with atol.
func parseBound(value json.RawMessage) (float64, error) {
	var b float64
	if json.Unmarshal(value, &b) == nil {
		return checkBound(b)
	}
	var object struct {
		Atol *float64 `json:"atol"`
	}
	if err := json.Unmarshal(value, &object); err != nil {
		return 0, err
	}
	if object.Atol == nil {
		return 0, errors.New("no atol")
	}
	return checkBound(*object.Atol)
}

func checkBound(b float64) (float64, error) {
	if b < 0 {
		return 0, fmt.Errorf("%v is negative", b)
	}
	return b, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("golden: read: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("golden: read: %s: %w", path, err)
	}
	return nil
}
