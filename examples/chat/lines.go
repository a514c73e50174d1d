package main

// Lines of input: edited on a terminal, with those before at the arrow keys, or read as they are.

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/qwenvl/qwenvl/examples/cli"
)

const (
	maxLine = 1 << 20 // bytes of a message
	prompt  = "> "
)

// lineReader returns the next line, and io.EOF after the last.
type lineReader func() (string, error)

// newLines reads lines of stdin, and tells whether that is somebody at a terminal. What the
// terminal shows while a line is typed goes to echo.
func newLines(stdin io.Reader, echo io.Writer) (lines lineReader, interactive bool) {
	if f, ok := stdin.(*os.File); ok && cli.IsTerminal(f) && term.IsTerminal(int(f.Fd())) {
		return terminalLines(f, echo), true
	}
	scanner := bufio.NewScanner(stdin)
	scanner.Buffer(nil, maxLine)
	return func() (string, error) {
		if scanner.Scan() {
			return scanner.Text(), nil
		}
		if err := scanner.Err(); err != nil {
			return "", err
		}
		return "", io.EOF
	}, false
}

// terminalLines edits lines. The terminal is raw while one is typed, and as it was between them, so
// that Ctrl-C is a signal again while an answer comes.
func terminalLines(f *os.File, echo io.Writer) lineReader {
	fd := int(f.Fd())
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{f, echo}, prompt)
	return func() (line string, err error) {
		state, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		editor.SetBracketedPasteMode(true)
		defer func() {
			editor.SetBracketedPasteMode(false)
			if e := term.Restore(fd, state); err == nil {
				err = e
			}
		}()
		if width, height, err := term.GetSize(fd); err == nil && width > 0 {
			_ = editor.SetSize(width, height) // it only redraws
		}
		line, err = editor.ReadLine()
		if err == term.ErrPasteIndicator { // a pasted line is a line
			err = nil
		}
		return line, err
	}
}
