package qwenvl_test

// The order of packages and where names of families may stand, as tests that also test their own
// refusals.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/qwenvl/qwenvl"

// layers is the import order: a package imports only from lines above its own, unless beside says otherwise. A pattern ends
// with "/..." for a whole tree. The root is ".".
var layers = [][]string{
	{"internal/cpu", "internal/half", "internal/strictjson", "internal/testkit", "internal/pages", "internal/inflate"},
	{"internal/pool", "internal/kernel", "internal/jpeg"},
	{"internal/tensor", "rope", "tokenizer", "internal/sample", "internal/chat", "internal/grounding"},
	{"internal/weights", "preprocess", "internal/grammar", "internal/output"},
	{"internal/safetensors", "internal/torchfile"}, // readers of file formats
	{"internal/shards"},
	{"vision", "adapter", "llm", "internal/checkpoint"},
	{"internal/family", "internal/engine", "internal/golden", "internal/testkit/ckpt"},
	{"internal/processor", "internal/components"},
	{"internal/hooks"},
	{"."},
	{"internal/tiny"}, // above the root, so that the library cannot carry it
	{"qwenvltest", "internal/cmdutil"},
	{"examples/cli"},
	{"examples/...", "internal/cmd/...", "internal/conformance", "docs"},
}

// beside is imports within a line.
var beside = map[string][]string{
	"internal/kernel": {"internal/pool"},
}

// only narrows what some packages may import from the lines above.
var only = map[string][]string{
	"rope":               {},
	"tokenizer":          {"internal/strictjson"},
	"internal/chat":      {},
	"internal/grounding": {},
	"internal/sample":    {},
	"internal/output":    {"tokenizer"},
	"internal/tiny":      {},
	"preprocess":         {"rope", "internal/inflate", "internal/jpeg"},
	"internal/inflate":   {},
	"internal/jpeg":      {"internal/cpu"},
	"internal/engine":    {"internal/tensor", "internal/sample", "llm", "preprocess", "rope", "internal/pool"},
	"internal/cmdutil":   {"."},
	"qwenvltest":         {".", "internal/tiny"},

	"internal/safetensors": {"internal/weights", "internal/strictjson"},
	"internal/torchfile":   {"internal/weights"},

	// Programs to copy from: public packages alone.
	"examples/...": {".", "qwenvltest", "examples/cli", "preprocess", "rope", "tokenizer"},
}

// testOnly is packages that no shipped code imports.
var testOnly = []string{"internal/testkit", "internal/testkit/ckpt", "internal/conformance"}

// goFile is a parsed file of the module.
type goFile struct {
	name, pkg string // relative to the root, with slashes
	test      bool
	ast       *ast.File
}

// goFiles parses every Go file that the go command would build, for any system.
func goFiles(t *testing.T) (*token.FileSet, []goFile) {
	fset := token.NewFileSet()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base == "testdata" || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); name != "." && err == nil {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		files = append(files, goFile{name, path.Dir(name), strings.HasSuffix(base, "_test.go"), f})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return fset, files
}

// imports returns the packages of this module that a file imports.
func (f goFile) imports(t *testing.T) []string {
	var out []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if p == modulePath {
			out = append(out, ".")
		} else if p, ok := strings.CutPrefix(p, modulePath+"/"); ok {
			out = append(out, p)
		}
	}
	return out
}

// within reports whether a pattern of layers or only names the package.
func within(pkg, pattern string) bool {
	tree, ok := strings.CutSuffix(pattern, "...")
	return pkg == pattern || ok && strings.HasPrefix(pkg, tree)
}

func anyWithin(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(pkg, p) })
}

// layer returns the line of a package, or -1.
func layer(pkg string) int {
	return slices.IndexFunc(layers, func(line []string) bool { return anyWithin(pkg, line) })
}

// mayImport returns what is wrong with an import of shipped code, or "".
func mayImport(from, to string) string {
	switch a, b := layer(from), layer(to); {
	case a < 0:
		return "is on no line of the import order"
	case b < 0:
		return "imports what is on no line of the import order"
	case anyWithin(to, testOnly) && !anyWithin(from, testOnly):
		return "imports a package for tests"
	case b > a:
		return "imports upwards"
	case a == b && !slices.Contains(beside[from], to):
		return "imports sideways"
	}
	for pattern, allowed := range only {
		if within(from, pattern) && !slices.Contains(allowed, to) {
			return "may not import this"
		}
	}
	return ""
}

// Shipped code imports downwards only; towers do not import each other, nor do leaves.
func TestImportOrder(t *testing.T) {
	_, files := goFiles(t)
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.pkg] = true
		if layer(f.pkg) < 0 {
			t.Errorf("%s: package %s is on no line of the import order", f.name, f.pkg)
			continue
		}
		if path.Base(f.name) == "example_test.go" { // shown to users as what they can write
			for _, to := range f.imports(t) {
				if strings.HasPrefix(to, "internal/") && !slices.Contains(testOnly, to) {
					t.Errorf("%s: an Example imports %s", f.name, to)
				}
			}
		}
		if f.test {
			continue
		}
		for _, to := range f.imports(t) {
			if wrong := mayImport(f.pkg, to); wrong != "" {
				t.Errorf("%s: %s %s: %s", f.name, f.pkg, wrong, to)
			}
		}
	}
	for _, pkg := range []string{".", "vision", "adapter", "llm", "rope", "tokenizer", "preprocess", "internal/tensor"} {
		require.True(t, seen[pkg], "the walk has missed %s", pkg)
	}
}

// The rule itself refuses what it is there to refuse.
func TestImportOrderRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"vision", "llm"}, {"llm", "vision"}, {"adapter", "vision"}, {"llm", "adapter"},
		{"tokenizer", "internal/chat"}, {"internal/chat", "tokenizer"}, {"internal/sample", "internal/tensor"}, {"rope", "internal/half"},
		{"internal/weights", "internal/safetensors"}, {"internal/torchfile", "internal/safetensors"}, {"internal/safetensors", "internal/pages"},
		{"internal/tensor", "internal/weights"}, {"internal/engine", "vision"}, {"vision", "."}, {".", "internal/cmdutil"}, {".", "internal/tiny"},
		{"vision", "internal/testkit"}, {"examples/describe", "internal/tensor"}, {"internal/cmd/eval", "examples/describe"}, {"llm", "nowhere"},
	} {
		require.NotEmpty(t, mayImport(c[0], c[1]), "%s imports %s", c[0], c[1])
	}
	for _, c := range [][2]string{{"vision", "rope"}, {".", "llm"}, {"examples/describe", "."}, {"internal/cmd/eval", "internal/golden"}} {
		require.Empty(t, mayImport(c[0], c[1]), "%s imports %s", c[0], c[1])
	}
}

// The names of model families, in any spelling.
var familyName = regexp.MustCompile(`(?i)qwen|kimi|moonvit`)

// A family's name stands only where families are told apart: in internal/family, in internal/chat, whose templates are file formats
// that bear it, and in the parity tool's reader of recorded tokens, whose fields do. The module's own name is none. Comments, which cite sources, may name families.
func TestFamilyNames(t *testing.T) {
	fset, files := goFiles(t)
	found := 0
	for _, f := range files {
		allowed := f.pkg == "internal/family" || f.pkg == "internal/chat" || filepath.ToSlash(f.name) == "internal/cmd/parity/goldens.go"
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			word := ""
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Ident:
				word = n.Name
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					word = n.Value
				}
			}
			word = strings.ReplaceAll(word, "qwenvl", "") // the module
			if familyName.MatchString(word) {
				found++
				if !allowed {
					t.Errorf("%s: a family's name: %s", fset.Position(n.Pos()), word)
				}
			}
			return true
		})
	}
	require.NotZero(t, found, "internal/family names families")
}
