// Package weights turns the tensors of checkpoint files into the matrices and vectors of a model.
//
// A [Source] holds the tensors that readers of file formats found, in one file or several. Files of
// a folder are memory-mapped, so opening touches only their headers. A [Loader] binds tensors to
// the names and shapes that a model wants, and reports everything missing, misshapen, repeated or
// left over at once. [Names] say where in a checkpoint each is: as a whole, as a part (of fused q,
// k and v, of stacked experts), or joined from several. A Loader made by [NewPlanner] has no
// checkpoint: it writes down what a model would bind.
//
//   - file.go, source.go: files in the address space, and the tensors in them
//   - dtype.go, floats.go: the table of stored types, and their values
//   - names.go, loader.go: what families and constructors see
//   - spelling.go: the prefixes that versions put before names, and what belongs to the model
//   - bind.go, join.go, transpose.go: one tensor, several as one, one turned
//   - usage.go: what is used of each tensor, so that nothing is left over or used twice
//   - plan.go, pack.go: binding without a checkpoint; packing into other formats
//
// A new file format is a [Reader] in a package of its own and a line in what opens checkpoints; a
// new stored type is a row in dtype.go. Nothing here knows a file format.
package weights
