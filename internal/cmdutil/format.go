// Package cmdutil is what the judging tools share: weight formats as command lines spell them.
package cmdutil

import (
	"fmt"

	"github.com/qwenvl/qwenvl"
)

// Formats returns the options for weight formats as a command line spells them; an empty one leaves
// the library's default.
func Formats(weights, vision string) ([]qwenvl.Option, error) {
	var opts []qwenvl.Option
	for _, f := range []struct {
		name string
		with func(qwenvl.WeightFormat) qwenvl.Option
	}{{weights, qwenvl.WithWeightFormat}, {vision, qwenvl.WithVisionFormat}} {
		switch format := qwenvl.WeightFormat(f.name); format {
		case "":
		case qwenvl.Auto, qwenvl.F32, qwenvl.BF16, qwenvl.Int8, qwenvl.Int4:
			opts = append(opts, f.with(format))
		default:
			return nil, fmt.Errorf("unknown format %q: want auto, f32, bf16, int8 or int4", f.name)
		}
	}
	return opts, nil
}
