// Package conformance is tests only. They hold the library, through its public API, against what
// the reference computes and against itself: every stage of every fixture within its bounds, the
// same bits whatever the chunks, threads, company and storage of weights, every configuration and
// every damage answered by a typed error, estimates that are measured, and defects planted in code
// and checkpoints that must be noticed.
//
// harness_test.go has what they share: it runs a case of a fixture with a trace and compares the
// stages. The tests that a reader should see first, TestModel and the Examples, are in the root;
// what concerns one package alone is tested beside it.
package conformance
