package family

// table maps config.json's model_type to its family.
var table = map[string]parser{
	"qwen2":    qwen2,
	"qwen2_vl": qwen2VL,
}
