package main

// The encodings of arm64 against those of the GNU assembler.

import "testing"

// encoded is every form of vector instruction, once with registers that differ in all bits and once
// with others.
func encoded() map[string]uint32 {
	words := map[string]uint32{}
	add := func(bits uint32, text string) { words[text] = bits }
	for name := range encodings {
		for _, regs := range [][]int{{21, 10, 25}, {0, 31, 6}} {
			n := len(splitOperands(name))
			add(vectors(name, regs[:n]...))
		}
	}
	for _, name := range []string{"FMLA", "FMUL", "SDOT", "USDOT"} {
		for i := range 4 {
			add(byElement(name, 21, 10, 25, i))
		}
	}
	for _, name := range []string{"SHL", "SSHR", "USHR"} {
		for _, by := range []int{1, 4, 7} {
			add(shift(name, 21, 10, by))
		}
	}
	for i := range 2 {
		add(widenBF16(21, 10, i == 1))
		add(dup("D", 21, 10, i))
	}
	for i := range 4 {
		add(dup("S", 21, 10, i))
		add(insert(21, i, 10))
	}
	add(zeroed(21))
	add(halfLoad(21, 10, 2))
	add(halfLoad(21, 10, 0))
	return words
}

func TestEncodings(t *testing.T) {
	got := encoded()
	for text, want := range gnuEncodings {
		if bits, ok := got[text]; !ok || bits != want {
			t.Errorf("%s: %#08x, want %#08x", text, bits, want)
		}
	}
	for text := range got {
		if _, ok := gnuEncodings[text]; !ok {
			t.Errorf("%s: no encoding to compare with", text)
		}
	}
}
