package torchfile

// The machine that runs a pickle, without running code: a stack, marks, a memo, and the opcodes of
// opcodes.go. What opcodes make and call (dicts, storages, tensors) is in globals.go. Memory and time
// are in proportion to the pickle's bytes.

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// Limits of a pickle. A tensor takes some 200 bytes and 35 objects, so that one file may describe
// 100,000 of them; objects take at most some 60 bytes each.
const (
	maxPickle  = 1 << 26
	maxObjects = 1 << 22
)

// unpickler is a stack machine for the part of the pickle format that describes tensors. It runs no
// code: a name that a pickle calls stands for one of the few things listed in globals.go or is
// refused. It does not recurse; each opcode takes time and memory in proportion to the bytes it has
// and the values it takes off the stack.
//
// Source: CPython, Lib/pickletools.py (what each opcode does) and Lib/pickle.py.
type unpickler struct {
	file, field string
	text        string // names are parts of it
	at          int    // the next byte
	op          int    // where the opcode at work begins
	stack       []value
	marks       []int // heights of the stack
	memo        map[uint32]value
	objects     int
}

// unpickle reads a pickled dict of tensors.
//
// Errors: *[weights.FormatError] where it breaks a rule, *[weights.UnsupportedError], with its
// name, for what is refused.
func unpickle(file, field string, data []byte) (*dict, error) {
	p := &unpickler{file: file, field: field, memo: map[uint32]value{}}
	if len(data) > maxPickle {
		return nil, p.fail("has over %d bytes", maxPickle)
	}
	p.text = string(data)
	for {
		p.op = p.at
		op, err := p.byte()
		if err != nil {
			return nil, err
		}
		if (op == opProto) != (p.op == 0) {
			return nil, p.fail("PROTO belongs at the beginning")
		}
		if op == opStop {
			return p.finish()
		}
		if err := p.step(op); err != nil {
			return nil, err
		}
	}
}

func (p *unpickler) fail(format string, args ...any) error {
	return weights.Malformed(p.file, p.field, "byte %d: %s", p.op, fmt.Sprintf(format, args...))
}

func (p *unpickler) refuse(feature string) error {
	return weights.Unsupported(p.file, p.field, "byte %d: %s", p.op, feature)
}

// finish returns what the pickle describes.
func (p *unpickler) finish() (*dict, error) {
	switch {
	case p.at != len(p.text):
		return nil, p.fail("%d bytes follow its end", len(p.text)-p.at)
	case len(p.stack) != 1 || len(p.marks) != 0:
		return nil, p.fail("it ends with other than one value")
	}
	d, ok := p.stack[0].(*dict)
	if !ok {
		return nil, p.refuse("a checkpoint that is " + kind(p.stack[0]) + ", not a state dict")
	}
	return d, nil
}

func (p *unpickler) step(op byte) error {
	switch op {
	case opProto:
		return p.proto()
	case opFrame:
		return p.frame()
	case opMark:
		p.marks = append(p.marks, len(p.stack))
		return p.count()
	case opNone:
		return p.push(none{})
	case opNewTrue:
		return p.push(true)
	case opNewFalse:
		return p.push(false)
	case opBinInt, opBinInt1, opBinInt2, opLong1, opLong4:
		return p.integer(op)
	case opShortBinUnicode, opBinUnicode, opBinUnicode8:
		return p.unicode(op)
	case opEmptyTuple:
		return p.push(tuple(nil))
	case opTuple1, opTuple2, opTuple3:
		items, err := p.pop(int(op) - opTuple1 + 1)
		if err != nil {
			return err
		}
		return p.push(append(tuple(nil), items...))
	case opTuple:
		items, err := p.popMark()
		if err != nil {
			return err
		}
		return p.push(append(tuple(nil), items...))
	case opEmptyDict:
		return p.push(&dict{})
	case opSetItem, opSetItems:
		return p.setItems(op)
	case opBinPut, opLongBinPut, opMemoize:
		return p.put(op)
	case opBinGet, opLongBinGet:
		return p.get(op)
	case opGlobal, opStackGlobal:
		return p.global(op)
	case opReduce:
		return p.reduce()
	case opBuild:
		return p.build()
	case opBinPersID:
		return p.persistent()
	}
	if name, ok := refused[op]; ok {
		return p.refuse("opcode " + name)
	}
	return p.fail("0x%02x is not an opcode", op)
}

// take returns the next n bytes.
func (p *unpickler) take(n int) (string, error) {
	if n < 0 || n > len(p.text)-p.at {
		return "", p.fail("%d bytes wanted, %d are left", n, len(p.text)-p.at)
	}
	p.at += n
	return p.text[p.at-n : p.at], nil
}

func (p *unpickler) byte() (byte, error) {
	s, err := p.take(1)
	if err != nil {
		return 0, err
	}
	return s[0], nil
}

// uint reads n bytes, at most 8, little endian.
func (p *unpickler) uint(n int) (uint64, error) {
	s, err := p.take(n)
	if err != nil {
		return 0, err
	}
	var b [8]byte
	copy(b[:], s)
	return binary.LittleEndian.Uint64(b[:]), nil
}

// sized reads a length of width bytes and returns it where that many bytes are left.
func (p *unpickler) sized(width int) (int, error) {
	n, err := p.uint(width)
	if err == nil && n > uint64(len(p.text)-p.at) {
		err = p.fail("length %d, but %d bytes are left", n, len(p.text)-p.at)
	}
	return int(n), err
}

// count bounds the memory that many small values take.
func (p *unpickler) count() error {
	if p.objects++; p.objects > maxObjects {
		return p.fail("has more than %d values", maxObjects)
	}
	return nil
}

func (p *unpickler) push(v value) error {
	p.stack = append(p.stack, v)
	return p.count()
}

// pop takes n values off the stack, not below the last mark. They are good until the next push.
func (p *unpickler) pop(n int) ([]value, error) {
	floor := 0
	if len(p.marks) > 0 {
		floor = p.marks[len(p.marks)-1]
	}
	at := len(p.stack) - n
	if at < floor {
		return nil, p.fail("takes a value that is not there")
	}
	items := p.stack[at:]
	p.stack = p.stack[:at]
	return items, nil
}

// popMark takes all values above the last mark, and the mark.
func (p *unpickler) popMark() ([]value, error) {
	if len(p.marks) == 0 {
		return nil, p.fail("no mark on the stack")
	}
	items, err := p.pop(len(p.stack) - p.marks[len(p.marks)-1])
	p.marks = p.marks[:len(p.marks)-1]
	return items, err
}

// top returns the value on top, which stays.
func (p *unpickler) top() (value, error) {
	items, err := p.pop(1)
	if err != nil {
		return nil, err
	}
	p.stack = p.stack[:len(p.stack)+1]
	return items[0], nil
}

func (p *unpickler) proto() error {
	version, err := p.byte()
	if err == nil && (version < 2 || version > 5) {
		err = p.refuse(fmt.Sprintf("pickle protocol %d", version))
	}
	return err
}

// frame reads the length of what follows, which is only a hint for readers of streams.
func (p *unpickler) frame() error {
	_, err := p.sized(8)
	return err
}

func (p *unpickler) integer(op byte) error {
	var n uint64
	var err error
	switch op {
	case opBinInt:
		n, err = p.uint(4)
		n = uint64(int64(int32(n)))
	case opBinInt1:
		n, err = p.uint(1)
	case opBinInt2:
		n, err = p.uint(2)
	default:
		n, err = p.long(op)
	}
	if err != nil {
		return err
	}
	return p.push(int64(n))
}

// long reads a number in two's complement of any length; more than 8 bytes are no size of anything.
func (p *unpickler) long(op byte) (uint64, error) {
	width := 1
	if op == opLong4 {
		width = 4
	}
	size, err := p.sized(width)
	if err != nil {
		return 0, err
	}
	if size > 8 {
		return 0, p.fail("a number of %d bytes", size)
	}
	n, err := p.uint(size)
	if shift := 64 - 8*size; shift < 64 {
		n = uint64(int64(n<<shift) >> shift)
	}
	return n, err
}

func (p *unpickler) unicode(op byte) error {
	width := 4
	switch op {
	case opShortBinUnicode:
		width = 1
	case opBinUnicode8:
		width = 8
	}
	n, err := p.sized(width)
	if err != nil {
		return err
	}
	s, err := p.take(n)
	if err == nil && !utf8.ValidString(s) {
		err = p.fail("a string is not UTF-8")
	}
	if err != nil {
		return err
	}
	return p.push(s)
}

// put remembers the value on top under a number.
func (p *unpickler) put(op byte) error {
	n, err := uint64(len(p.memo)), error(nil)
	switch op {
	case opBinPut:
		n, err = p.uint(1)
	case opLongBinPut:
		n, err = p.uint(4)
	}
	if err != nil {
		return err
	}
	v, err := p.top()
	if err != nil {
		return err
	}
	p.memo[uint32(n)] = v
	return p.count()
}

func (p *unpickler) get(op byte) error {
	width := 1
	if op == opLongBinGet {
		width = 4
	}
	n, err := p.uint(width)
	if err != nil {
		return err
	}
	v, ok := p.memo[uint32(n)]
	if !ok {
		return p.fail("value %d was not remembered", n)
	}
	return p.push(v)
}

// global pushes what a name stands for: two lines, or two strings from the stack.
func (p *unpickler) global(op byte) error {
	var module, name string
	if op == opGlobal {
		var ok1, ok2 bool
		rest := p.text[p.at:]
		module, rest, ok1 = strings.Cut(rest, "\n")
		name, rest, ok2 = strings.Cut(rest, "\n")
		if !ok1 || !ok2 {
			return p.fail("a global's name does not end")
		}
		p.at = len(p.text) - len(rest)
	} else {
		items, err := p.pop(2)
		if err != nil {
			return err
		}
		var ok1, ok2 bool
		module, ok1 = items[0].(string)
		name, ok2 = items[1].(string)
		if !ok1 || !ok2 {
			return p.fail("a global's name is not a string")
		}
	}
	g, ok := globals(module, name)
	if !ok {
		return p.refuse("global " + weights.Quote(module+"."+name))
	}
	return p.push(g)
}
