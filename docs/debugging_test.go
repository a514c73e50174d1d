package docs_test

// Keeps debugging.md true: its example is carried out, and its table has every stage that is
// emitted, with the file that emits it.

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	plant   = regexp.MustCompile(`(?m)^    sed 's/(.+)/(.+)/' (\S+) >/tmp/\S+$`)
	printed = regexp.MustCompile(`(?m)^qwen2_vl-tiny/image: .*$`)
	number  = regexp.MustCompile(`\d[\de.+-]*`)
	emit    = regexp.MustCompile(`\.Emit(?:Norm)?\("([a-z_.]+)"`)
)

// The defect of the example is planted and the tool run as the page says; its lines come out,
// whatever the numbers are on this processor.
func TestDebuggingExample(t *testing.T) {
	page := read(t, "debugging.md")
	m := plant.FindStringSubmatch(page)
	require.NotNil(t, m, "the page plants no defect")
	from, to, file := m[1], m[2], m[3]
	code := read(t, "../"+file)
	require.Equal(t, 1, strings.Count(code, from), "the place to change in %s", file)
	dir := t.TempDir()
	bad, overlay := filepath.Join(dir, "bad.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(bad, []byte(strings.Replace(code, from, to, 1)), 0o600))
	original, err := filepath.Abs("../" + file)
	require.NoError(t, err)
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{original: bad}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, data, 0o600))
	cmd := exec.Command("go", "run", "-overlay", overlay, "./internal/cmd/parity", "-v",
		"-images", "testdata/images", "testdata/qwen2_vl-tiny")
	cmd.Dir = ".."
	out, err := cmd.Output()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed, "the defect was not seen")
	plain := func(s string) string { return number.ReplaceAllString(s, "#") }
	var got []string
	for line := range strings.Lines(string(out)) {
		got = append(got, plain(strings.TrimSpace(line)))
	}
	lines := printed.FindAllString(page, -1)
	require.Greater(t, len(lines), 5)
	for _, line := range lines {
		require.Contains(t, got, plain(line))
	}
}

// Every stage that is emitted stands in the table, beside its file.
func TestDebuggingNamesEveryStage(t *testing.T) {
	page := read(t, "debugging.md")
	rows := map[string]string{} // what is beside a stage
	row := regexp.MustCompile(`(?m)^\| (.+?) \| (.+?) \| .+ \|$`)
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		for _, name := range span.FindAllStringSubmatch(m[1], -1) {
			rows[name[1]] = m[2]
		}
	}
	seen := 0
	for _, dir := range []string{"vision", "adapter", "llm"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range emit.FindAllStringSubmatch(read(t, file), -1) {
				seen++
				require.Contains(t, rows[m[1]], dir+"/"+filepath.Base(file), "stage %s", m[1])
			}
		}
	}
	require.Greater(t, seen, 15)
}
