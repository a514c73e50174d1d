// Package testkit holds what the tests of several packages share: for kernels, running a body under
// each instruction set, guard bands around slices and comparing floats by units in the last place;
// for all that read the repository's test data, a TestMain that says where it is not there.
package testkit

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Go names the implementation without assembly.
const Go = "go"

// AllImplementations runs body as a subtest once for each name, with that instruction set as the widest in use, and once
// for plain Go. names lists the instruction sets in use, the widest first (cpu.Names()); disable switches one of them off
// (cpu.Disable).
//
// The environment variable REQUIRE_ISA (names separated by commas) makes the test fail when one of them is not among
// names: on a machine that should have it, a missing instruction set must not pass as tested.
func AllImplementations(t *testing.T, names []string, disable func(string) (restore func()), body func(t *testing.T, isa string)) {
	t.Helper()
	for _, want := range Required() {
		if want != Go && !slices.Contains(names, want) {
			t.Fatalf("REQUIRE_ISA: %s is not available here (available: %v)", want, names)
		}
	}
	for i := range len(names) + 1 {
		isa := Go
		if i < len(names) {
			isa = names[i]
		}
		t.Run("isa="+isa, func(t *testing.T) {
			for _, wider := range names[:i] {
				defer disable(wider)()
			}
			body(t, isa)
		})
	}
}

// Required returns the instruction sets that REQUIRE_ISA names.
func Required() []string {
	return strings.FieldsFunc(os.Getenv("REQUIRE_ISA"), func(r rune) bool { return r == ',' || r == ' ' })
}
