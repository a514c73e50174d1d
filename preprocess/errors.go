package preprocess

// What a picture or a configuration can have wrong. Panics are for pictures that Go code made
// inconsistent.

import "fmt"

// FormatError reports picture data that does not follow its format.
type FormatError struct {
	Format string // "jpeg", "png", "gif", "webp", "bmp", or "picture" when the container is not known
	Reason string // what is wrong, when this package found it
	Err    error  // the decoder's error, else nil
}

func (e *FormatError) Error() string {
	s := "preprocess: " + e.Format
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the decoder's error.
func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError reports valid picture data that uses a container or a feature that is not read
// here.
type UnsupportedError struct {
	Format  string // "heic", "mp4", "pdf", …; "picture" when the container is not known
	Feature string // what is not read, and for a whole container what to do
	Err     error  // the decoder's error, else nil
}

func (e *UnsupportedError) Error() string {
	s := "preprocess: " + e.Format + ": unsupported: " + e.Feature
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the decoder's error.
func (e *UnsupportedError) Unwrap() error { return e.Err }

// LimitError reports input larger than DecodeLimits allow.
type LimitError struct {
	What     string // "bytes", "pixels", "width", "height", "scans"
	Got, Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("preprocess: %s: %d is over the limit of %d", e.What, e.Got, e.Max)
}

// SizeError reports a picture or clip whose size cannot be made into a grid of patches.
type SizeError struct {
	Width, Height int
	Frames        int // 0 for a still picture
	Reason        string
}

func (e *SizeError) Error() string {
	if e.Frames > 0 {
		return fmt.Sprintf("preprocess: size: %d frames of %dx%d: %s", e.Frames, e.Width, e.Height, e.Reason)
	}
	return fmt.Sprintf("preprocess: size: %dx%d: %s", e.Width, e.Height, e.Reason)
}

// ConfigError reports a value of Config, or of the limits of one call, that is out of range.
type ConfigError struct {
	Field  string
	Reason string
}

func (e *ConfigError) Error() string { return "preprocess: config: " + e.Field + ": " + e.Reason }
