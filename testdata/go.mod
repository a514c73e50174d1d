// The test data is a module of its own, so that importers of the library do not download it.
module github.com/qwenvl/qwenvl/testdata

go 1.26.0
