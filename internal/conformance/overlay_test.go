package conformance_test

// The library with other texts in place of some of its files, for tests that build a copy of it
// with a defect in it (defects_test.go, plant_test.go) or a panic (panics_test.go).

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// readSource returns a file of the library, by its path from the root.
func readSource(t *testing.T, file string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(source)
}

// writeOverlay writes what -overlay of go takes to build with other texts in place of files, and
// returns its path.
func writeOverlay(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for file, text := range texts {
		original, err := filepath.Abs(filepath.Join(root, file))
		require.NoError(t, err)
		patched := filepath.Join(dir, fmt.Sprintf("patched%d.go", len(replace)))
		require.NoError(t, os.WriteFile(patched, []byte(text), 0o600))
		replace[original] = patched
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlay := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, data, 0o600))
	return overlay
}
