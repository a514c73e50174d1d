// Package zip checks what an importer of the library downloads: the module's zip, made by the rules
// of the go command from the files that git tracks, and served to a module of a user's own. The
// test data is not in it (testdata is a module of its own), and the tests that read it say so.
package zip

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

const (
	path    = "github.com/qwenvl/qwenvl"
	version = "v0.0.0-zip"
	most    = 6 << 20 // bytes of the zip
)

// command runs a program in a folder and returns what it prints.
func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestModuleZip makes the zip, lists its largest files and bounds its size. Then a program of a
// user's own requires the module from a proxy that serves it, builds, and passes the module's
// tests, which lie in the module cache and find no test data.
func TestModuleZip(t *testing.T) {
	root := command(t, ".", nil, "git", "rev-parse", "--show-toplevel")
	tree, proxy := t.TempDir(), filepath.Join(t.TempDir(), path, "@v")
	command(t, root, nil, "git", "checkout-index", "--all", "--prefix="+tree+"/")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(proxy, version+".mod"), mod)
	write(t, filepath.Join(proxy, version+".info"), []byte(`{"Version": "`+version+`"}`))
	file := filepath.Join(proxy, version+".zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := modzip.CreateFromDir(f, module.Version{Path: path, Version: version}, tree); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	size(t, file)

	// Other modules come from where they came from before.
	cache := strings.Split(command(t, root, nil, "go", "env", "GOMODCACHE", "GOPROXY"), "\n")
	env := []string{
		"CGO_ENABLED=0", "GOFLAGS=-mod=mod -modcacherw", "GONOSUMDB=" + path, "GOWORK=off",
		"GOMODCACHE=" + t.TempDir(),
		"GOPROXY=file://" + filepath.ToSlash(strings.TrimSuffix(proxy, filepath.Join(path, "@v"))) +
			",file://" + filepath.ToSlash(filepath.Join(cache[0], "cache", "download")) + "," + cache[1],
	}
	user := t.TempDir()
	write(t, filepath.Join(user, "go.mod"),
		[]byte("module user\n\ngo 1.26.0\n\nrequire "+path+" "+version+"\n"))
	write(t, filepath.Join(user, "main.go"),
		[]byte("package main\n\nimport _ \""+path+"\"\n\nfunc main() {}\n"))
	command(t, user, env, "go", "build", ".")
	out := command(t, user, env, "go", "test", "-v", path)
	if want := "the test data is not here"; !strings.Contains(out, want) {
		t.Errorf("the root's tests do not say %q:\n%s", want, out)
	}
	t.Logf("%s", command(t, user, env, "go", "test", "-short", path+"/..."))
}

// size lists the largest files of the zip and fails where it is too large as a whole.
func size(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	slices.SortFunc(r.File, func(a, b *zip.File) int {
		return int(b.CompressedSize64) - int(a.CompressedSize64)
	})
	for _, f := range r.File[:10] {
		t.Logf("%9d %s", f.CompressedSize64, strings.TrimPrefix(f.Name, path+"@"+version+"/"))
	}
	t.Logf("%9d in all, %d files; at most %d", info.Size(), len(r.File), most)
	if info.Size() > most {
		t.Errorf("the module's zip has %d bytes, more than %d", info.Size(), most)
	}
}
