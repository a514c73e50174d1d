//go:build !race && !noasm

package conformance_test

// Many defects in one program. Each defect is a function of the library with one place changed. The
// overlay that is written here has the changed function beside the true one, which calls it where
// the environment names the defect. So all of them cost one build, and the program without a name
// is the library as it is.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// defectEnv names the defect that a program is to have.
const defectEnv = "QWENVL_PLANTED_DEFECT"

// edit is a text to put at an offset of a source, in place of cut bytes.
type edit struct {
	at, cut int
	text    string
}

// edited returns a source with edits that do not overlap.
func edited(source string, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return b.at - a.at })
	for _, e := range edits {
		source = source[:e.at] + e.text + source[e.at+e.cut:]
	}
	return source
}

// plantAll writes an overlay that has all defects, by the file and name of each, and returns its
// path.
func plantAll(t *testing.T, defects []planted) string {
	t.Helper()
	files, texts := map[string][]planted{}, map[string]string{}
	for _, d := range defects {
		files[d.file] = append(files[d.file], d)
	}
	for file, in := range files {
		texts[file] = plantIn(t, readSource(t, file), in)
	}
	return writeOverlay(t, texts)
}

// plantIn plants defects in a file, each in a function of its own.
func plantIn(t *testing.T, source string, defects []planted) string {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, 0)
	require.NoError(t, err)
	offset := func(p token.Pos) int { return set.Position(p).Offset }
	edits := []edit{{at: offset(file.Name.End()), text: `; import plantos "os"`}}
	var changed strings.Builder
	begun := map[*ast.FuncDecl]*edit{} // what a function with defects begins with
	for i, d := range defects {
		require.Equal(t, 1, strings.Count(source, d.old), "%s: the place to change in %s", d.name, d.file)
		at := strings.Index(source, d.old)
		k := slices.IndexFunc(file.Decls, func(x ast.Decl) bool {
			f, ok := x.(*ast.FuncDecl)
			return ok && offset(f.Body.Lbrace) < at && at < offset(f.Body.Rbrace)
		})
		require.GreaterOrEqual(t, k, 0, "%s: no function of %s has the place", d.name, d.file)
		f := file.Decls[k].(*ast.FuncDecl)
		name := fmt.Sprintf("%sPlanted%d", f.Name.Name, i)
		call := name + "(" + strings.Join(arguments(t, f), ", ") + ")"
		if f.Recv != nil {
			call = f.Recv.List[0].Names[0].Name + "." + call
		}
		if f.Type.Results != nil {
			call = "return " + call
		} else {
			call += "; return"
		}
		if begun[f] == nil {
			begun[f] = &edit{at: offset(f.Body.Lbrace) + 1}
		}
		begun[f].text += fmt.Sprintf("\nif plantos.Getenv(%q) == %q { %s }\n", defectEnv, d.name, call)
		begin := offset(f.Pos())
		changed.WriteString("\n" + edited(source[begin:offset(f.End())], []edit{
			{at: offset(f.Name.Pos()) - begin, cut: len(f.Name.Name), text: name},
			{at: at - begin, cut: len(d.old), text: d.new},
		}) + "\n")
	}
	for _, e := range begun {
		edits = append(edits, *e)
	}
	return edited(source, edits) + changed.String()
}

// arguments returns the parameters of a function as it passes them on.
func arguments(t *testing.T, f *ast.FuncDecl) (out []string) {
	for _, p := range f.Type.Params.List {
		require.NotEmpty(t, p.Names, "parameters of %s without names", f.Name)
		for _, n := range p.Names {
			require.NotEqual(t, "_", n.Name, "a parameter of %s without a name", f.Name)
			if _, many := p.Type.(*ast.Ellipsis); many {
				out = append(out, n.Name+"...")
			} else {
				out = append(out, n.Name)
			}
		}
	}
	return out
}
