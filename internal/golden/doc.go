// Package golden reads fixtures: small checkpoints with the messages of cases and every intermediate tensor that a correct
// implementation reproduces, named as the stages of the forward pass.
//
// It serves the stage tests and the parity tool, which share its rules for bounds and for which stages count.
package golden
