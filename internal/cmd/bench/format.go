package main

import (
	"fmt"

	"github.com/qwenvl/qwenvl"
)

// checkFormats tells whether the library knows the formats.
func (c config) checkFormats() error {
	for _, f := range []string{c.format, c.visionFormat} {
		switch qwenvl.WeightFormat(f) {
		case qwenvl.Auto, qwenvl.F32, qwenvl.BF16, qwenvl.Int8, qwenvl.Int4, "":
		default:
			return fmt.Errorf("unsupported format %s", f)
		}
	}
	return nil
}

// options are those of Load.
func (c config) options(threads int) []qwenvl.Option {
	opts := []qwenvl.Option{qwenvl.WithThreads(threads), qwenvl.WithMaxBatch(c.batch), qwenvl.WithWeightFormat(qwenvl.WeightFormat(c.format))}
	if c.visionFormat != "" {
		opts = append(opts, qwenvl.WithVisionFormat(qwenvl.WeightFormat(c.visionFormat)))
	}
	return opts
}
