package testkit

// Where the repository's test data is not there, tests that need it are left out and named.

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of a package whose tests read the repository's test data. That is a module
// of its own, which nobody downloads with the library: where the folder is not there as a whole,
// the tests and examples whose names match needs are left out, and Main says so. Inside the
// repository nothing is left out, and a file that is missing fails its tests.
func Main(m *testing.M, folder, needs string) {
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		fmt.Printf("the test data is not here, as it is no part of the library's module: "+
			"run the tests in a clone of the repository for those that match %q\n", needs)
		flag.Parse()
		if err := flag.Set("test.skip", needs); err != nil {
			panic(err)
		}
	}
	m.Run()
}
