package docs_test

// What the pages name must exist: files, folders, links, tests, identifiers and packages. A page
// that is not kept in step with the code is worse than none.

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

// pages are the pages for people, relative to the root.
func pages(t *testing.T) []string {
	t.Helper()
	out := []string{
		"README.md", "SECURITY.md", "CONTRIBUTING.md", "internal/cmd/bench/peers/README.md",
	}
	found, err := filepath.Glob("*.md")
	require.NoError(t, err)
	require.Greater(t, len(found), 4)
	for _, name := range found {
		out = append(out, "docs/"+name)
	}
	return out
}

// tree is the repository as far as pages may name it.
type tree struct {
	paths map[string]bool // files and folders, relative to the root, with slashes
	bases map[string]bool // of files
	words map[string]bool // identifiers of Go, words in its strings, words of scripts
	dirs  []string        // folders with Go code that is no test
	tests map[string]bool // tests and fuzz targets, as folder:name
}

var word = regexp.MustCompile(`[A-Za-z_]\w*`)

func walkTree(t *testing.T) *tree {
	t.Helper()
	x := &tree{
		paths: map[string]bool{}, bases: map[string]bool{}, words: map[string]bool{}, tests: map[string]bool{},
	}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(filepath.ToSlash(name), "../")
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		x.paths[name] = true
		if d.IsDir() {
			return nil
		}
		x.bases[d.Name()] = true
		switch {
		case strings.HasSuffix(name, ".go"):
			if dir := path.Dir(name); !strings.HasSuffix(name, "_test.go") && !slices.Contains(x.dirs, dir) {
				x.dirs = append(x.dirs, dir)
			}
			text := read(t, "../"+name)
			x.scan(text)
			if strings.HasSuffix(name, "_test.go") {
				for _, m := range function.FindAllStringSubmatch(text, -1) {
					x.tests[path.Dir(name)+":"+m[1]] = true
				}
			}
		case strings.HasSuffix(name, ".py"), strings.HasSuffix(name, ".sh"), name == ".ci/run":
			for _, w := range word.FindAllString(read(t, "../"+name), -1) {
				x.words[w] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.True(t, x.paths["llm/decoder.go"])
	return x
}

// scan takes the identifiers of a Go file, and the words in its strings. Comments do not count.
func (x *tree) scan(source string) {
	var s scanner.Scanner
	f := token.NewFileSet()
	s.Init(f.AddFile("", -1, len(source)), []byte(source), nil, 0)
	for {
		_, kind, text := s.Scan()
		switch kind {
		case token.EOF:
			return
		case token.IDENT:
			x.words[text] = true
		case token.STRING:
			for _, w := range word.FindAllString(text, -1) {
				x.words[w] = true
			}
		}
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pathLike = regexp.MustCompile(`^(?:\./)?\.?\w[\w.-]*(?:/[\w.*-]+)*/?$`)
	source   = regexp.MustCompile(`\.(?:go|s|md|svg)$`)
	name     = regexp.MustCompile(`^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?$`)
	function = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`)
	testRun  = regexp.MustCompile(`go test(.*) -run '?\^?(\w+)\S*(.*)`)
	test     = regexp.MustCompile(`\b(?:Test|Fuzz|Example|Benchmark)[A-Z]\w*`)
)

// quoted returns the code of a page: spans, and lines of code blocks.
func quoted(page string) []string {
	var out []string
	fenced := false
	var prose []string
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			out = append(out, line)
		default:
			prose = append(prose, line)
		}
	}
	for _, s := range span.FindAllStringSubmatch(strings.Join(prose, ""), -1) {
		out = append(out, s[1])
	}
	return out
}

// wrong returns what a page names and is not there.
func (x *tree) wrong(page, text string) []string {
	var out []string
	for _, code := range quoted(text) {
		for _, w := range strings.Fields(code) {
			w = strings.Trim(w, `"',;:()`)
			if pathLike.MatchString(w) && !x.there(w) {
				out = append(out, w)
			}
		}
		if m := testRun.FindStringSubmatch(code); m != nil && !x.runs(m[1]+" "+m[3], m[2]) {
			out = append(out, code)
		}
		for _, w := range test.FindAllString(code, -1) {
			if !x.words[w] {
				out = append(out, w)
			}
		}
		if !name.MatchString(code) {
			continue
		}
		for _, w := range word.FindAllString(code, -1) {
			mixed := strings.ToLower(w) != w && strings.ToUpper(w) != w
			if mixed && !x.words[w] && !source.MatchString(code) {
				out = append(out, w)
			}
		}
	}
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		to, _, _ := strings.Cut(m[1], "#")
		if to == "" || strings.Contains(to, "://") {
			continue
		}
		if !x.paths[path.Join(path.Dir(page), to)] {
			out = append(out, m[1])
		}
	}
	return out
}

// runs reports whether a package among arguments has a test whose name a pattern begins.
func (x *tree) runs(arguments, pattern string) bool {
	for _, a := range strings.Fields(arguments) {
		for key := range x.tests {
			dir, test, _ := strings.Cut(key, ":")
			if strings.HasPrefix(a, ".") && dir == path.Clean(a) && strings.Contains(test, pattern) {
				return true
			}
		}
	}
	return false
}

// there reports whether a word that looks like a path is one, or none of ours.
func (x *tree) there(w string) bool {
	file, local := source.MatchString(w), strings.HasPrefix(w, "./")
	w = strings.TrimSuffix(path.Clean(w), "/...")
	first, _, deep := strings.Cut(w, "/")
	switch {
	case !deep && !local:
		return !file || x.bases[w]
	case !file && !local && !x.paths[first]:
		return true // a model's name, a fraction, another machine's folder
	case strings.Contains(w, "*"):
		for p := range x.paths {
			if ok, _ := path.Match(w, p); ok {
				return true
			}
		}
		return false
	}
	return x.paths[w]
}

func TestPagesNameWhatExists(t *testing.T) {
	x := walkTree(t)
	for _, page := range pages(t) {
		require.Empty(t, x.wrong(page, read(t, "../"+page)), page)
	}
	for _, bad := range []string{
		"`llm/decoderz.go`", "`decoderz.go`", "[x](nowhere.md)", "`go test ./llmm`",
		"`TestOf" + "Nothing`", "`llm.Decod" + "dder`", // in two parts: words of this file exist
		"`testdata/*-giant`", "`go test ./llm -run TestStages`", "```\ngo run ./internal/cmd/parrity\n```",
	} {
		require.NotEmpty(t, x.wrong("docs/x.md", bad), bad)
	}
	for _, good := range []string{
		"`llm/decoder.go`", "`decoder.go`", "[x](memory.md)", "`go test ./llm`", "`llm.Decoder`",
		"`go test . -run 'TestModel/x$'`", "`go test -run TestStages ./docs`",
		"`Qwen/Qwen2-VL-2B-Instruct`", "`testdata/*-tiny`", "`Generate`", "`go test ./...`",
	} {
		require.Empty(t, x.wrong("docs/x.md", good), good)
	}
}

// The tour passes every package.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	page := read(t, "architecture.md")
	for _, dir := range walkTree(t).dirs {
		if dir == "." || strings.Contains(dir, "/_") || strings.HasPrefix(dir, "internal/testkit") ||
			strings.HasPrefix(dir, "examples/") || strings.HasPrefix(dir, "internal/cmd/") {
			continue
		}
		require.True(t, strings.Contains(page, "`"+dir+"`"), "package %s is not on the page", dir)
	}
}

// The table of the house is the import order.
func TestArchitectureShowsTheImportOrder(t *testing.T) {
	_, list, found := strings.Cut(read(t, "../layers_test.go"), "var layers = [][]string{\n")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n}\n")
	at := map[string]int{}
	for i, line := range strings.Split(list, "\n") {
		for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(line, -1) {
			at[strings.TrimSuffix(m[1], "/...")] = i
		}
	}
	_, table, found := strings.Cut(read(t, "architecture.md"), "| line | packages |\n|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	last, seen := -1, 0
	for row := range strings.Lines(table) {
		highest := last
		for _, m := range span.FindAllStringSubmatch(row, -1) {
			if strings.HasSuffix(m[1], ".go") {
				continue
			}
			i, known := at[m[1]]
			require.True(t, known, "%s is on no line of the import order", m[1])
			require.GreaterOrEqual(t, i, last, "%s stands too low", m[1])
			highest = max(highest, i)
			seen++
		}
		last = highest
	}
	require.Greater(t, seen, 25)
}
