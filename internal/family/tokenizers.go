package family

// Which class the reference's tokenizer of a model type is. It matters where tokenizer.json and
// tokenizer_config.json contradict each other: classes of these take the vocabulary out of the
// former and the added tokens of the latter, others take the former as it is.
//
// Source: transformers 5.23, models/auto/tokenization_auto.py.

// ownTokenizer is a class with a vocabulary of its own.
type ownTokenizer struct {
	class  string
	always bool // whatever tokenizer_config.json says
}

// The classes that are known.
const (
	qwen2Tokenizer  = "Qwen2Tokenizer"
	qwen35Tokenizer = "Qwen3_5Tokenizer"
)

// tokenizers has the model types whose tokenizer is no code of the hub.
var tokenizers = map[string]ownTokenizer{
	"qwen2":            {qwen2Tokenizer, true},
	"qwen2_5_vl":       {qwen2Tokenizer, false},
	"qwen2_vl":         {qwen2Tokenizer, false},
	"qwen3":            {qwen2Tokenizer, false},
	"qwen3_5":          {qwen35Tokenizer, true},
	"qwen3_5_moe":      {qwen35Tokenizer, true},
	"qwen3_5_moe_text": {qwen35Tokenizer, true},
	"qwen3_5_text":     {qwen35Tokenizer, false},
	"qwen3_moe":        {qwen2Tokenizer, false},
	"qwen3_vl":         {qwen2Tokenizer, false},
	"qwen3_vl_moe":     {qwen2Tokenizer, false},
}

// OwnTokenizer reports whether a class that tokenizer_config.json names, "" for none, has a
// vocabulary of its own for the model type. It is [tokenizer.Files.Own].
func (s Spec) OwnTokenizer(class string) bool {
	t, ok := tokenizers[s.ModelType]
	return ok && (t.always || class == "" || class == qwen2Tokenizer || class == qwen35Tokenizer)
}
