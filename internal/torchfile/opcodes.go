package torchfile

// The opcodes of a pickle by name: those that the machine of pickle.go runs, and those that it refuses
// by their names, since none of them describes a tensor.

// The opcodes that a state dict needs. Source: CPython, Lib/pickletools.py.
const (
	opMark            = '('
	opStop            = '.'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinUnicode      = 'X'
	opBuild           = 'b'
	opGlobal          = 'c'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opEmptyDict       = '}'
	opEmptyTuple      = ')'
	opProto           = 0x80
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

// refusedOpcode names the opcodes that are refused; "" for a byte that is no opcode.
func refusedOpcode(op byte) string {
	switch op {
	case '0':
		return "POP"
	case '1':
		return "POP_MARK"
	case '2':
		return "DUP"
	case 'F':
		return "FLOAT"
	case 'G':
		return "BINFLOAT"
	case 'I':
		return "INT"
	case 'L':
		return "LONG"
	case 'P':
		return "PERSID"
	case 'S':
		return "STRING"
	case 'T':
		return "BINSTRING"
	case 'U':
		return "SHORT_BINSTRING"
	case 'V':
		return "UNICODE"
	case 'B':
		return "BINBYTES"
	case 'C':
		return "SHORT_BINBYTES"
	case 'a':
		return "APPEND"
	case 'd':
		return "DICT"
	case 'e':
		return "APPENDS"
	case 'g':
		return "GET"
	case 'i':
		return "INST"
	case 'l':
		return "LIST"
	case 'o':
		return "OBJ"
	case 'p':
		return "PUT"
	case ']':
		return "EMPTY_LIST"
	case 0x81:
		return "NEWOBJ"
	case 0x82:
		return "EXT1"
	case 0x83:
		return "EXT2"
	case 0x84:
		return "EXT4"
	case 0x8e:
		return "BINBYTES8"
	case 0x8f:
		return "EMPTY_SET"
	case 0x90:
		return "ADDITEMS"
	case 0x91:
		return "FROZENSET"
	case 0x92:
		return "NEWOBJ_EX"
	case 0x96:
		return "BYTEARRAY8"
	case 0x97:
		return "NEXT_BUFFER"
	case 0x98:
		return "READONLY_BUFFER"
	}
	return ""
}
