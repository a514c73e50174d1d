package main

// The file that -compare names: other engines and the programs that time their stages.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// comparison is the file that -compare names: other engines on this machine, timed in turn with
// ours.
//
//	{"peers": [{
//	  "name": "llama.cpp Q8_0",
//	  "llama_bench":         {"program": "llama-bench", "model": "text-Q8_0.gguf"},
//	  "llama_batched_bench": {"program": "llama-batched-bench", "model": "text-Q8_0.gguf"},
//	  "llama_mtmd_cli":      {"program": "llama-mtmd-cli", "model": "text-Q8_0.gguf", "mmproj": "mmproj-Q8_0.gguf"}
//	}, {
//	  "name": "torch float32",
//	  "script": {"command": ["python3", "torch_peer.py", "--threads={threads}", "--prompt={prompt}"]}
//	}]}
//
// Every part is optional, but a peer has at least one; no stage may come from two of them. Paths
// are relative to the folder in which the tool runs.
type comparison struct {
	Peers []peer `json:"peers"`
}

// peer is one engine with one set of files.
type peer struct {
	Name    string        `json:"name"`
	Bench   *llamaBench   `json:"llama_bench"`
	Batched *llamaBatched `json:"llama_batched_bench"`
	MTMD    *llamaMTMD    `json:"llama_mtmd_cli"`
	Script  *script       `json:"script"`
}

// part is a program that times some stages.
type part interface {
	// valid says what is missing.
	valid() error
	// time runs the program once. What a stage of the shape's is not the program's is 0.
	time(r *runner, s shape) (figures, error)
}

// shape is what ours and every peer do in a round.
type shape struct {
	width, height  int // 0: no picture
	visionTokens   int // tokens that the picture becomes
	picture        string
	text           string // beside the picture
	textTokens     int    // of the prompt beside the picture, template included
	prompt, decode int
	batch, threads int
}

// figures are the stages of a round: seconds, and tokens a second; 0: not timed.
type figures struct {
	Prefill float64 `json:"prefill_tok_s,omitempty"`
	Decode  float64 `json:"decode_tok_s,omitempty"`       // of one sequence, after the prompt
	Batch   float64 `json:"batch_decode_tok_s,omitempty"` // of all sequences of the batch together
	Vision  float64 `json:"vision_s,omitempty"`
	Whole   float64 `json:"whole_s,omitempty"` // picture, prompt and 64 tokens, with the model loaded
	RSSPeak int64   `json:"rss_peak_bytes,omitempty"`
	Version string  `json:"version,omitempty"`
}

// stage is one figure of several rounds and engines.
type stage struct {
	name   string
	of     func(*figures) *float64
	faster func(ours, theirs float64) float64 // how many times as fast ours is
}

func rates(ours, theirs float64) float64 { return ours / theirs }
func times(ours, theirs float64) float64 { return theirs / ours }

var stages = []stage{
	{"prefill", func(f *figures) *float64 { return &f.Prefill }, rates},
	{"decode", func(f *figures) *float64 { return &f.Decode }, rates},
	{"batch_decode", func(f *figures) *float64 { return &f.Batch }, rates},
	{"vision", func(f *figures) *float64 { return &f.Vision }, times},
	{"whole", func(f *figures) *float64 { return &f.Whole }, times},
}

// loadComparison reads the file and checks all that can be checked before anything runs.
func loadComparison(name string) (*comparison, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var c comparison
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows the object", name)
	}
	if len(c.Peers) == 0 {
		return nil, fmt.Errorf("%s: no peers", name)
	}
	seen := map[string]bool{}
	for i, p := range c.Peers {
		if p.Name == "" || seen[p.Name] {
			return nil, fmt.Errorf("%s: peer %d has no name of its own", name, i)
		}
		seen[p.Name] = true
		parts := p.parts()
		if len(parts) == 0 {
			return nil, fmt.Errorf("%s: peer %q has no program", name, p.Name)
		}
		for _, part := range parts {
			if err := part.valid(); err != nil {
				return nil, fmt.Errorf("%s: peer %q: %w", name, p.Name, err)
			}
		}
	}
	return &c, nil
}

// parts lists the programs that the peer has.
func (p *peer) parts() []part {
	var parts []part
	if p.Bench != nil {
		parts = append(parts, p.Bench)
	}
	if p.Batched != nil {
		parts = append(parts, p.Batched)
	}
	if p.MTMD != nil {
		parts = append(parts, p.MTMD)
	}
	if p.Script != nil {
		parts = append(parts, p.Script)
	}
	return parts
}

// round runs all programs of the peer and puts their figures together.
func (p *peer) round(r *runner, s shape) (figures, error) {
	var all figures
	for _, part := range p.parts() {
		f, err := part.time(r, s)
		if err != nil {
			return all, fmt.Errorf("peer %q: %w", p.Name, err)
		}
		for _, st := range stages {
			switch have, got := st.of(&all), *st.of(&f); {
			case got == 0:
			case *have != 0:
				return all, fmt.Errorf("peer %q: two of its programs time %s", p.Name, st.name)
			default:
				*have = got
			}
		}
		all.RSSPeak = max(all.RSSPeak, f.RSSPeak)
		if f.Version != "" {
			all.Version = f.Version
		}
	}
	return all, nil
}
