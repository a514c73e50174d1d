// Package preprocess turns encoded pictures and video frames into the patch rows that a vision
// tower reads.
//
// The stages are public and can be used alone:
//
//	Decode / FromImage   file bytes or an image.Image -> RGB, 8 bits a sample, upright
//	DecodeSize           file bytes -> the size that Decode gives, from headers alone
//	Config.Size          the grid of patches for a size, without touching pixels
//	Resize               Pillow's antialiased bicubic, equal byte for byte
//	Config.Image         RGB -> normalized float32 patches of a still picture
//	Config.Video         frames -> patches of a clip
//
// Pixels are those of Pillow's convert("RGB"), exact for every format, and so is what becomes of odd
// and damaged files: read as Pillow reads them, or refused as Pillow refuses them. 16-bit gray is
// the exception: Pillow clips it, here its high byte counts unless Gray16Clip asks otherwise. Lossy
// WebP is converted as libwebp does: it holds studio-range BT.601, which the color model of
// image.YCbCr (full range) would get wrong.
//
// Sizes of hostile files are read from their headers and checked against DecodeLimits before pixels
// are allocated. Everything from outside ends in one of the error types of this package, never in a
// panic.
//
// All functions are pure and start no goroutine; they are safe for concurrent use as long as nobody
// changes the pictures passed in. A Config is a plain value.
package preprocess
