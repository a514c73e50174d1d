package main

// Checkpoints and configurations as users' tools save them: a fixture with some files exchanged,
// loaded and asked like any other.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/processor"
)

// checkpointCase is a checkpoint in terms of a fixture, and a request with its result.
type checkpointCase struct {
	Base      string
	Remove    []string
	Tensors   tensorChanges
	Messages  []golden.Message
	MaxTokens int `json:"max_tokens"`
	Sampling  string
	Expected  struct {
		PromptTokens *int `json:"prompt_tokens"`
		Grid         []int
		Tokens       []int
	}
}

// adapterFile is the file of an adapter. As long as they are not supported, an error that names it
// is right.
const adapterFile = "adapter_config.json"

func judgeCheckpoints(j *judge, dir, fixtures, images string) error {
	names, err := folders(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var c checkpointCase
		if err := readJSONFile(filepath.Join(dir, name, "case.json"), &c); err != nil {
			j.add("checkpoints", name, err.Error(), "a case")
			continue
		}
		at := filepath.Join(dir, name)
		err := c.judge(at, fixtures, images)
		if err != nil && exists(filepath.Join(at, "files", adapterFile)) &&
			strings.Contains(err.Error(), adapterFile) {
			err = nil
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		j.add("checkpoints", name, got, c.want())
	}
	return nil
}

func (c *checkpointCase) want() string {
	var s []string
	if n := c.Expected.PromptTokens; n != nil {
		s = append(s, fmt.Sprint(*n, " tokens of prompt"))
	}
	if c.Expected.Grid != nil {
		s = append(s, fmt.Sprint("grid ", c.Expected.Grid))
	}
	return strings.Join(append(s, fmt.Sprint(c.Expected.Tokens)), ", ")
}

// judge makes the checkpoint and asks it. An error is what is wrong.
func (c *checkpointCase) judge(dir, fixtures, images string) error {
	if c.Base == "" || c.Sampling != "greedy" && c.Sampling != "checkpoint" {
		return fmt.Errorf("base %q, sampling %q", c.Base, c.Sampling)
	}
	if c.Expected.PromptTokens == nil && c.Expected.Tokens == nil && c.Expected.Grid == nil {
		return errors.New("nothing is expected")
	}
	work, err := os.MkdirTemp("", "parity-case-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := c.build(work, dir, filepath.Join(fixtures, c.Base)); err != nil {
		return err
	}
	m, err := loadUnbounded(work)
	if err != nil {
		return err
	}
	defer m.Close()
	return c.ask(m, images)
}

// build lays the checkpoint out in a folder of its own.
func (c *checkpointCase) build(work, dir, base string) error {
	if err := copyFiles(work, base); err != nil {
		return err
	}
	for _, name := range c.Remove {
		if err := os.Remove(filepath.Join(work, filepath.Base(name))); err != nil {
			return err
		}
	}
	if files := filepath.Join(dir, "files"); exists(files) {
		if err := copyFiles(work, files); err != nil {
			return err
		}
	}
	return c.Tensors.apply(work, dir)
}

// ask runs the request and compares what came.
func (c *checkpointCase) ask(m *qwenvl.Model, images string) error {
	recorded := &golden.Case{Messages: c.Messages}
	req, err := request(recorded, images, generation{MaxNewTokens: c.MaxTokens})
	if err != nil {
		return err
	}
	req.Template, req.Sampling = nil, nil
	if c.Sampling == "greedy" {
		req.Sampling = qwenvl.Greedy()
	}
	var prompt *processor.Prompt
	ctx := hooks.With(context.Background(), &hooks.Hooks{
		Prompt: func(p *processor.Prompt) { prompt = p },
	})
	resp, err := m.Generate(ctx, req)
	if err != nil {
		return err
	}
	want := &c.Expected
	if n := resp.Usage.PromptTokens; want.PromptTokens != nil && n != *want.PromptTokens {
		return fmt.Errorf("%d tokens of prompt, %v", n, resp.Tokens)
	}
	if want.Grid != nil {
		var grid []int
		for _, x := range prompt.Media {
			grid = append(grid, x.Grid.T, x.Grid.H, x.Grid.W)
		}
		if !slices.Equal(grid, want.Grid) {
			return fmt.Errorf("grid %v", grid)
		}
	}
	if want.Tokens != nil && !slices.Equal(resp.Tokens, want.Tokens) {
		return fmt.Errorf("%v", resp.Tokens)
	}
	return nil
}

// judgeConfigs compares numbers of parameters.
func judgeConfigs(j *judge, dir, _, _ string) error {
	names, err := folders(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var c struct{ Expected struct{ Parameters int64 } }
		err := readJSONFile(filepath.Join(dir, name, "expected.json"), &c)
		if err == nil && c.Expected.Parameters == 0 {
			err = errors.New("no number is expected")
		}
		got := ""
		var in *qwenvl.Inspection
		if err == nil {
			in, err = qwenvl.Inspect(filepath.Join(dir, name))
		}
		switch {
		case err != nil:
			got = err.Error()
		case in.Parameters.Total != c.Expected.Parameters:
			got = fmt.Sprint(in.Parameters.Total)
		}
		j.add("configs", name, got, fmt.Sprint(c.Expected.Parameters))
	}
	return nil
}

func readJSONFile(path string, v any) error {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// copyFiles copies the files of a folder, its folders left out.
func copyFiles(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
