package qwenvl_test

// The table of families in README.md is what the families can do.

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/family"
)

var updateTable = flag.Bool("update-table", false, "write the table of capabilities into README.md")

const (
	tableBegin = "<!-- capabilities: written by TestCapabilities -->\n"
	tableEnd   = "<!-- end of capabilities -->\n"
)

// familyNames are the names that the makers use, by model_type, with a configuration that shows what a family can do.
var familyNames = map[string][2]string{
	"qwen":             {"Qwen-VL, Qwen-VL-Chat", "testdata/qwen-vl-small"},
	"qwen2_vl":         {"Qwen2-VL", "testdata/qwen2_vl-tiny"},
	"qwen2_5_vl":       {"Qwen2.5-VL", "testdata/qwen2_5_vl-tiny"},
	"kimi_vl":          {"Kimi-VL", "testdata/kimi-vl-tiny"},
	"qwen3_vl":         {"Qwen3-VL", "testdata/configs/Qwen3-VL-2B-Instruct"},
	"qwen3_vl_moe":     {"Qwen3-VL with experts", "testdata/qwen3_vl_moe-tiny"},
	"qwen3_5":          {"Qwen3.5", "testdata/configs/Qwen3.5-9B"},
	"qwen3_5_moe":      {"Qwen3.5 with experts", "testdata/qwen3_5_moe-tiny"},
	"qwen3_5_text":     {"Qwen3.5 (text)", "testdata/configs/Qwen3.5-9B"}, // its text_config
	"qwen3_5_moe_text": {"Qwen3.5 with experts (text)", "testdata/qwen3_5_moe-tiny"},
	"qwen2":            {"Qwen2, Qwen2.5 (text)", "testdata/configs/Qwen2.5-3B-Instruct"},
	"qwen3":            {"Qwen3 (text)", "testdata/configs/Qwen3-8B"},
	"qwen3_moe":        {"Qwen3 with experts (text)", "testdata/configs/Qwen3-30B-A3B-Instruct-2507"},
}

// inspectType inspects a configuration, or its decoder's as the model of the type that it has alone.
func inspectType(t *testing.T, modelType, dir string) (*qwenvl.Inspection, error) {
	if !strings.HasSuffix(modelType, "_text") {
		return qwenvl.Inspect(dir)
	}
	data, err := os.ReadFile(dir + "/config.json")
	require.NoError(t, err)
	var config struct {
		Text map[string]json.RawMessage `json:"text_config"`
	}
	require.NoError(t, json.Unmarshal(data, &config))
	config.Text["model_type"] = json.RawMessage(strconv.Quote(modelType))
	data, err = json.Marshal(config.Text)
	require.NoError(t, err)
	return qwenvl.InspectFS(fstest.MapFS{"config.json": &fstest.MapFile{Data: data}})
}

// The README's table is what the family table says.
func TestCapabilities(t *testing.T) {
	types := family.ModelTypes()
	require.Len(t, familyNames, len(types), "a family without a name, or a name without a family")
	var rows []string
	for _, modelType := range types {
		name, ok := familyNames[modelType]
		require.True(t, ok, modelType)
		in, err := inspectType(t, modelType, name[1])
		require.NoError(t, err)
		i := in.Info
		require.Equal(t, modelType, i.ModelType)
		mark := func(b bool) string {
			if b {
				return "yes"
			}
			return "–"
		}
		rows = append(rows, fmt.Sprintf("| %s | `%s` | %s | %s | %s |\n", name[0], modelType, mark(i.Pictures), mark(i.Videos), mark(i.Thinks)))
	}
	sort.Strings(rows)
	table := "| family | model_type | pictures | videos | reasoning split off |\n|---|---|---|---|---|\n" + strings.Join(rows, "")
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), tableBegin)
	require.True(t, ok, "README.md has no place for the table")
	old, after, ok := strings.Cut(rest, tableEnd)
	require.True(t, ok)
	if *updateTable {
		require.NoError(t, os.WriteFile("README.md", []byte(before+tableBegin+table+tableEnd+after), 0o644))
		return
	}
	require.Equal(t, table, old, "run: go test . -run TestCapabilities -args -update-table")
}
