// Package weights turns checkpoint files into bound tensors.
//
// A [Source] holds the tensors of a checkpoint in the safetensors format, or as PyTorch saves a state dict (a zip archive
// with a pickle, read by a machine that knows tensors and nothing else), in one file or in shards named by an index.
// Files of a directory are memory-mapped, so opening touches only their headers. A [Loader] binds tensors to the
// names and shapes that a model wants, and reports everything missing, misshapen, repeated or left over at once.
//
// Every length in a file is held against the bytes that are there before anything is allocated or indexed; a file
// that breaks a rule of the format is refused with a [FormatError] that names it.
//
// Source: github.com/huggingface/safetensors, README (format) and safetensors/src/tensor.rs (rules).
package weights
