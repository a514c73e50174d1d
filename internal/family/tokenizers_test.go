package family

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Which classes have a vocabulary of their own, as AutoTokenizer answers.
func TestOwnTokenizer(t *testing.T) {
	for modelType, want := range map[string][4]bool{ // of no class, two that are known, a generic one
		"qwen2":    {true, true, true, true},
		"qwen2_vl": {true, true, true, false},
		"qwen3_5":  {true, true, true, true},
		"qwen3_vl": {true, true, true, false},
		"kimi_vl":  {},
		"qwen":     {},
	} {
		s := Spec{ModelType: modelType}
		for i, class := range []string{"", "Qwen2Tokenizer", "Qwen3_5Tokenizer", "PreTrainedTokenizer"} {
			require.Equal(t, want[i], s.OwnTokenizer(class), "%s: %s", modelType, class)
		}
	}
	for modelType := range tokenizers {
		require.Contains(t, table, modelType)
	}
}
