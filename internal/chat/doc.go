// Package chat turns a conversation into the prompt text of a checkpoint's chat template.
//
// The templates of the known checkpoints are file formats and are rendered by Go code, chosen by
// the SHA-256 of the template's text; any other template is rewritten into a guarded form and run
// by a Jinja engine. Both give the text that transformers renders (trim_blocks and lstrip_blocks
// on, tojson without ASCII or HTML escapes), cut into spans that say which bytes the template wrote
// and which came from messages, tools or results. Special tokens may only be read from the former.
//
// Source: Jinja 3.1 (whitespace control, operator precedence, filters) and the chat_template of
// each checkpoint.
package chat
