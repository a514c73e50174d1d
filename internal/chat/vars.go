package chat

// The caller's template variables. Jinja passes over a variable that a template does not read, so a
// misspelt one would do nothing without a word; here it is an error that lists those that are read.

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// libraryVar is a variable of this library, which only PictureTags reads. It is allowed everywhere:
// where there are no picture tags, it has nothing to allow.
const libraryVar = "allow_picture_tags"

// checkVars refuses variables that are set otherwise, by the request or as one of the checkpoint's
// tokens, and values that no template can read.
func checkVars(vars map[string]any, tokens map[string]string) error {
	for _, name := range sortedKeys(vars) {
		field := variableField(name)
		if slices.Contains(requestVars, name) {
			return failf(ErrVariable, field, "is set by the request itself")
		}
		if _, ok := tokens[name]; ok {
			return failf(ErrVariable, field, "is set by the checkpoint")
		}
		if err := checkVar(vars[name], 0); err != nil {
			return failf(ErrVariable, field, "%v", err)
		}
	}
	return nil
}

// checkKnown refuses variables that are not among those that a template reads.
func checkKnown(vars map[string]any, known []string) error {
	for _, name := range sortedKeys(vars) {
		if name != libraryVar && !slices.Contains(known, name) {
			return failf(ErrVariable, variableField(name), "unknown: %s", listVars(known))
		}
	}
	return nil
}

// requestVars are variables that come from the request.
var requestVars = []string{"add_generation_prompt", "messages", "tools"}

func listVars(known []string) string {
	if len(known) == 0 {
		return "the template reads no variables"
	}
	const most = 20
	list, more := known[:min(len(known), most)], ""
	if len(known) > most {
		more = " and more"
	}
	return "the template reads " + strings.Join(list, ", ") + more
}

// checkVar refuses what dataBuilder.any cannot convert.
func checkVar(v any, depth int) error {
	if depth > maxJSONDepth {
		return fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	switch x := v.(type) {
	case nil, bool, int, int64, float64, string:
		return nil
	case json.Number:
		_, err := parseJSON([]byte(x))
		return err
	case json.RawMessage:
		_, err := parseJSON(x)
		return err
	case []any:
		for _, item := range x {
			if err := checkVar(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, k := range sortedKeys(x) {
			if err := checkVar(x[k], depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unsupported type %T", v)
}

// truthy is Python's truth of a template variable.
func truthy(v any) bool {
	switch t := v.(type) {
	case nil:
		return false
	case bool:
		return t
	case string:
		return t != ""
	case int:
		return t != 0
	case int64:
		return t != 0
	case float64:
		return t != 0
	case json.Number:
		f, err := t.Float64()
		return f != 0 || err != nil
	case json.RawMessage:
		n, err := parseJSON(t)
		return err == nil && n.truthy()
	case []any:
		return len(t) > 0
	case map[string]any:
		return len(t) > 0
	}
	return true
}

// truthy is Python's truth of a JSON value.
func (n *node) truthy() bool {
	switch n.kind {
	case 'n', 'f':
		return false
	case '0':
		return truthy(json.Number(n.text))
	case 's':
		return n.text != ""
	case '[', '{':
		return len(n.items) > 0
	}
	return true
}

// isFalse reports whether a variable is the boolean false, as Jinja's "is false".
func isFalse(v any) bool {
	if raw, ok := v.(json.RawMessage); ok {
		n, err := parseJSON(raw)
		return err == nil && n.kind == 'f'
	}
	b, ok := v.(bool)
	return ok && !b
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
