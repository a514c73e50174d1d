package tensor

// The messages of panics. Nothing here depends on files or users: their errors are found by the
// packages that read, and are returned.

// Misuse between our own ops panics with one of these constants at entry, before any work.
const (
	badShape    = "tensor: shapes do not fit"
	badFormat   = "tensor: unknown weight format, or none for this use"
	badData     = "tensor: data length does not match rows, columns and format"
	badInput    = "tensor: an input without float32 rows"
	badPacking  = "tensor: packed weights used or placed out of turn"
	badWorkers  = "tensor: a thread count below 1"
	badSegments = "tensor: segments do not cover the rows"
)
