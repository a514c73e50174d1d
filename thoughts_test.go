package qwenvl

// Which checkpoints are expected to think.

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/output"
)

// A chat template that knows thoughts belongs to a model that has them. Others of the same family
// answer at once, and so does their stream.
func TestThoughtsAreExpectedByTheTemplate(t *testing.T) {
	think := output.Marks{Open: "<think>", Close: "</think>"}
	usual := think
	usual.Usual = true
	for name, want := range map[string]output.Marks{
		"qwen3_5_moe-tiny":  usual,
		"qwen3_vl_moe-tiny": think,
		"kimi-vl-tiny":      {Open: "◁think▷", Close: "◁/think▷"},
		"qwen2_vl-tiny":     {},
	} {
		m, err := Load(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.Equal(t, want, m.marks, name)
		require.NoError(t, m.Close())
	}
}
