package qwenvl_test

// The exported names and signatures, held against a list.

import (
	"bytes"
	"flag"
	"go/ast"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
)

var updateAPI = flag.Bool("update-api", false, "write the exported names to testdata/api.txt")

// The root package exports what testdata/api.txt lists, no more and no less. A line that goes or changes breaks users' programs; go test
// -run TestAPI -update-api . writes the list anew.
func TestAPI(t *testing.T) {
	fset, files := goFiles(t)
	var lines []string
	for _, f := range files {
		if f.pkg == "." && !f.test {
			for _, decl := range f.ast.Decls {
				lines = append(lines, exported(t, fset, decl)...)
			}
		}
	}
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"
	golden := filepath.Join("testdata", "api.txt")
	if *updateAPI {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got)
}

// exported returns a line for each name that a declaration exports.
func exported(t *testing.T, fset *token.FileSet, decl ast.Decl) []string {
	text := func(n any) string {
		var b bytes.Buffer
		require.NoError(t, printer.Fprint(&b, fset, n))
		return strings.Join(strings.Fields(b.String()), " ")
	}
	if f, ok := decl.(*ast.FuncDecl); ok {
		receiver := ""
		if f.Recv != nil {
			typ := text(f.Recv.List[0].Type)
			if !ast.IsExported(strings.TrimLeft(typ, "*")) {
				return nil
			}
			receiver = "(" + typ + ") "
		}
		if !f.Name.IsExported() {
			return nil
		}
		return []string{"func " + receiver + f.Name.Name + strings.TrimPrefix(text(f.Type), "func")}
	}
	var out []string
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			for i, name := range s.Names {
				if !name.IsExported() {
					continue
				}
				line := decl.(*ast.GenDecl).Tok.String() + " " + name.Name
				if s.Type != nil {
					line += " " + text(s.Type)
				}
				if decl.(*ast.GenDecl).Tok == token.CONST && i < len(s.Values) {
					line += " = " + text(s.Values[i])
				}
				out = append(out, line)
			}
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				out = append(out, members(s, text)...)
			}
		}
	}
	return out
}

// members returns a line for a type and one for each exported field or method in it.
func members(s *ast.TypeSpec, text func(any) string) []string {
	kind, list := "", (*ast.FieldList)(nil)
	switch typ := s.Type.(type) {
	case *ast.StructType:
		kind, list = "struct", typ.Fields
	case *ast.InterfaceType:
		kind, list = "interface", typ.Methods
	default:
		return []string{"type " + s.Name.Name + " " + text(typ)}
	}
	out := []string{"type " + s.Name.Name + " " + kind}
	for _, f := range list.List {
		for _, name := range f.Names {
			if name.IsExported() {
				out = append(out, "type "+s.Name.Name+" "+kind+", "+name.Name+" "+text(f.Type))
			}
		}
		if embedded := text(f.Type); len(f.Names) == 0 && ast.IsExported(embedded[strings.LastIndexAny(embedded, "*.")+1:]) {
			out = append(out, "type "+s.Name.Name+" "+kind+", "+text(f.Type))
		}
	}
	return out
}

// Structs that callers could compare stay comparable.
func TestComparable(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[qwenvl.Info](), reflect.TypeFor[qwenvl.Sampling](),
		reflect.TypeFor[qwenvl.Usage](), reflect.TypeFor[qwenvl.Timings](),
		reflect.TypeFor[qwenvl.Parameters](), reflect.TypeFor[qwenvl.Memory](),
	} {
		require.True(t, typ.Comparable(), typ)
	}
}
