package checkpoint

// Where a section of keys stands in the hub's layout. Tools of different years write different
// files, and folders hold files of several tools: the table at [Section] says which counts.
//
// Source: transformers 5.23, image_processing_base.py and video_processing_utils.py, which save one
// file of processors, and read it before those that earlier versions saved.

import (
	"errors"
	"io/fs"
)

const processors = "processor_config.json"

// sections are where a section may stand, the first place that is there first.
var sections = [...]struct {
	part     string   // key of the file of processors; "": it does not stand there
	files    []string // each holds the section alone
	optional bool
}{
	Model:      {files: []string{configFile}},
	Images:     {part: "image_processor", files: []string{"preprocessor_config.json"}},
	Videos:     {part: "video_processor", files: []string{videoFile, "preprocessor_config.json"}},
	Generation: {files: []string{"generation_config.json"}, optional: true},
}

const videoFile = "video_preprocessor_config.json"

func (h *hub) Keys(s Section) (Keys, error) {
	at := sections[s]
	if s == Model { // which is asked for first
		if _, err := fs.Stat(h.files, configFile); errors.Is(err, fs.ErrNotExist) {
			return Keys{}, h.explainConfig()
		}
		if err := h.checkAdapter(); err != nil {
			return Keys{}, err
		}
	}
	if at.part != "" {
		k, err := h.part(at.part)
		if err != nil || k.Values != nil {
			return k, err
		}
	}
	for _, file := range at.files {
		k, err := h.keys(file)
		if err != nil || k.Values != nil {
			return k, err
		}
	}
	file := at.files[0]
	if at.optional {
		return Keys{File: file}, nil
	}
	problem := "missing"
	if at.part != "" {
		problem += ", as is " + at.part + " of " + processors
	}
	return Keys{}, &Error{File: file, Problem: problem, Err: fs.ErrNotExist}
}

// part reads an object of the file of processors, nil Values when there is none.
func (h *hub) part(name string) (Keys, error) {
	k, err := h.keys(processors)
	if err != nil || !k.Has(name) {
		return Keys{}, err
	}
	return k.Object(name)
}

// keys reads a file of keys, nil Values when there is no such file.
func (h *hub) keys(name string) (Keys, error) {
	data, err := h.read(name, maxFile)
	if err != nil || data == nil {
		return Keys{File: name}, err
	}
	return ParseKeys(name, data)
}
