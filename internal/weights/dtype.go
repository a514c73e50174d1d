package weights

import "github.com/qwenvl/qwenvl/internal/tensor"

// DType is the element type of a tensor, spelt as in safetensors headers.
type DType string

// The element types with a known size. Only F32, BF16 and F16 can be bound to a model.
const (
	BOOL   DType = "BOOL"
	U8     DType = "U8"
	I8     DType = "I8"
	F8E4M3 DType = "F8_E4M3"
	F8E5M2 DType = "F8_E5M2"
	F8E8M0 DType = "F8_E8M0"
	U16    DType = "U16"
	I16    DType = "I16"
	F16    DType = "F16"
	BF16   DType = "BF16"
	U32    DType = "U32"
	I32    DType = "I32"
	F32    DType = "F32"
	U64    DType = "U64"
	I64    DType = "I64"
	F64    DType = "F64"
	C64    DType = "C64"
	F4     DType = "F4"
	F6E2M3 DType = "F6_E2M3"
	F6E3M2 DType = "F6_E3M2"
)

// bits returns the size of an element and the constant that equals d; 0 for a type that is not known.
func (d DType) bits() (uint64, DType) {
	switch d {
	case F4:
		return 4, F4
	case F6E2M3:
		return 6, F6E2M3
	case F6E3M2:
		return 6, F6E3M2
	case BOOL:
		return 8, BOOL
	case U8:
		return 8, U8
	case I8:
		return 8, I8
	case F8E4M3:
		return 8, F8E4M3
	case F8E5M2:
		return 8, F8E5M2
	case F8E8M0:
		return 8, F8E8M0
	case U16:
		return 16, U16
	case I16:
		return 16, I16
	case F16:
		return 16, F16
	case BF16:
		return 16, BF16
	case U32:
		return 32, U32
	case I32:
		return 32, I32
	case F32:
		return 32, F32
	case U64:
		return 64, U64
	case I64:
		return 64, I64
	case F64:
		return 64, F64
	case C64:
		return 64, C64
	}
	return 0, ""
}

// format returns how a matrix of this element type is stored in memory.
func (d DType) format() (tensor.Format, bool) {
	switch d {
	case F32:
		return tensor.F32, true
	case BF16:
		return tensor.BF16, true
	case F16:
		return tensor.F16, true
	}
	return 0, false
}
