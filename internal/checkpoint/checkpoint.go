// Package checkpoint is the one door to a checkpoint, whatever its files are.
//
// Loading a model asks five things: what are the keys of its configuration, the tokenizer, the chat
// template, the generation defaults (keys too), and the tensors. A [Checkpoint] answers them. What
// asks (internal/family, the root) knows no file; what answers knows no family. So a container that
// holds all of it in one file, with a second for the tower, is one more type here and a line in
// [Open]: nothing that asks changes. The root's checkpoint_test.go has such a container.
//
//   - checkpoint.go: the questions, and Open, which finds who answers them
//   - keys.go: keys, which are JSON values by name wherever they come from, and where they stand
//   - hub.go: the first two answers, a folder and a file system in the hub's layout
//   - hubsections.go: in which of that layout's files a section stands
//   - hubtext.go, hubtemplate.go: tokenizer and chat template in that layout
//   - explain.go: what a place is that is no checkpoint
//   - errors.go: the error that carries its place
//
// Keys have the names that the hub's files give them: an answer from another container translates
// its own names and says by [Keys.At] where a value really stands, which errors then name.
package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/tokenizer"
)

// Checkpoint answers what loading asks. It holds nothing open. Its methods are safe for concurrent
// use. Their errors carry a place (see [Error]) or are the file system's own.
type Checkpoint interface {
	// Keys returns a section of the configuration. One that is not there is an error which wraps
	// [fs.ErrNotExist], or, where a model does without it, has nil Values.
	Keys(Section) (Keys, error)
	// Tokenizer reads the tokenizer; own is [tokenizer.Files.Own].
	Tokenizer(own func(class string) bool) (*tokenizer.Tokenizer, error)
	// Template reads the chat template; its Source is "" when there is none.
	Template() (Template, error)
	// Outline tells of the tensors without reading them.
	Outline() (Outline, error)
	// Tensors opens the tensors of all files. The caller closes the Source.
	Tensors() (*weights.Source, error)
	// Names finds the model's tensors in the Source. It is nil where tensors have the names that
	// the family is released with.
	Names() weights.Names
}

// Section is a part of the configuration.
type Section int

// The sections. In the hub's layout the first of these that is there counts, whole: a file is not
// completed by the next.
//
//	section     stands in
//	Model       config.json
//	Images      image_processor of processor_config.json; preprocessor_config.json
//	Videos      video_processor of processor_config.json; video_preprocessor_config.json;
//	            preprocessor_config.json
//	Generation  generation_config.json; else no values, which are not the same as an empty file
//
// What stands within a section in one of several places is the business of internal/family.
const (
	Model Section = iota
	Images
	Videos
	Generation
)

// Template is a chat template.
type Template struct {
	Source      string            // in Jinja
	Tools       string            // in its place where a request has tools; "": the same
	Tokens      map[string]string // special tokens by the names that templates print: bos_token
	File, Field string            // where Source stands
}

// Outline is what can be told of tensors without reading them.
type Outline struct {
	// Shapes are the tensors' shapes by name, nil where only the name is known. It is empty where
	// nothing is known.
	Shapes map[string][]int
	Bytes  int64            // of all files of tensors; 0: they are not there, or were not opened
	Sizes  map[string]int64 // bytes of the tensors by name; empty where they are not known
	Extra  []string         // see [weights.Source.Extra]
	// Same reports whether two tensors have equal values; nil where values cannot be looked at.
	Same func(a, b string) bool
}

// Shape returns the shape of a tensor, nil when it is there with a shape that is not known.
func (o Outline) Shape(name string) (shape []int, ok bool) {
	shape, ok = o.Shapes[name]
	return shape, ok
}

// Equal reports whether two tensors have equal values, as far as is known.
func (o Outline) Equal(a, b string) bool { return o.Same == nil || o.Same(a, b) }

// Open finds the checkpoint at a path of the operating system.
//
// Errors: *[Error], which says what the path is instead.
func Open(path string) (Checkpoint, error) {
	const longest = 1 << 15 // more than systems take; their errors would repeat it
	if len(path) > longest {
		return nil, &Error{File: path[:40] + "…", Problem: "a path of " +
			strconv.Itoa(len(path)) + " bytes; " + expected}
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a directory")}
	}
	if err != nil {
		return nil, explainPath(path, err)
	}
	return &hub{files: os.DirFS(path), dir: path}, nil
}

// OpenFS returns the checkpoint at the root of a file system, in the hub's layout.
func OpenFS(files fs.FS) Checkpoint { return &hub{files: files} }
