package main

// Counting of goldens and templates. report.go counts stages of fixtures.

import (
	"fmt"
	"io"
)

// maxShown is how many differences are printed one by one.
const maxShown = 50

// counter counts comparisons and prints those that differ.
type counter struct {
	out              io.Writer
	compared, differ int
}

// add counts a comparison. describe says what differs.
func (c *counter) add(equal bool, describe func() string) {
	c.compared++
	if equal {
		return
	}
	if c.differ++; c.differ <= maxShown {
		fmt.Fprintln(c.out, describe())
	}
}

// tally runs a comparison, prints its total under name and returns the exit status.
func tally(out io.Writer, name string, compare func(*counter) error) int {
	c := &counter{out: out}
	err := compare(c)
	if err != nil {
		fmt.Fprintln(out, "parity:", err)
	}
	fmt.Fprintf(out, "%s: %d compared, %d differ\n", name, c.compared, c.differ)
	if err != nil || c.differ > 0 || c.compared == 0 {
		return 1
	}
	return 0
}
