// Package tiny carries a small trained vision-language model inside the program that imports it.
//
// The model has about two million parameters. It reads three to six digits, names and counts colored shapes and locates them
// with boxes on small synthetic pictures, and knows nothing else. It lets the examples and tests run with nothing downloaded. The
// folder train has the program that made it. A program that imports only the library does not carry the 4 MB.
package tiny

import (
	"embed"
	"io/fs"
)

//go:embed model
var files embed.FS

// FS returns the checkpoint's folder, for qwenvl.LoadFS.
func FS() fs.FS {
	sub, err := fs.Sub(files, "model")
	if err != nil {
		panic("tiny: the embedded folder is gone")
	}
	return sub
}
