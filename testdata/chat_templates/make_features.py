"""Renders small templates and the Qwen3.5 template with jinja2 3.1.6, set up as transformers does.

    python make_features.py        # writes features.jsonl and qwen3.5_goldens.jsonl beside itself
"""
import json, os

import jinja2, jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

here = os.path.dirname(os.path.abspath(__file__))


def fail(message):
    raise jinja2.exceptions.TemplateError(message)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
    x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
env.globals["raise_exception"] = fail

U = [{"role": "user", "content": "Hello <b> {{ x }} ${y}"}]
CHAT = [{"role": "system", "content": "Sys."}, {"role": "user", "content": [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA-1"}, {"role": "user", "content": "  Bye\n"}]
TOOLS = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
    "z": 1.0, "a": [1, 2.5, 1e20, 1e-7, -0.0, True, None], "é": "\u2028<&>'\"\\\n\x01\x7f"}}}]
# name, template, messages, tools, variables
F = [
    ("space_between_tags", "x {{ 'a' }} {%- if true %} b {% endif %} c\n", U, None, {}),
    ("space_past_tags", "foo {{ 'a' }}{%- if true %}\n   b\n {%- endif %}\n\nend\n\n", U, None, {}),
    ("lstrip", "a\n   {% if true %}\n  b\n   {% endif %}\n  {# c #}\n  d {% if true %} e {% endif %}\n", U, None, {}),
    ("plus", "a\n   {%+ if true %}b{% endif +%}\nc\n", U, None, {}),
    ("indent_start", "   {% if true %}x{% endif %}\n   {{ 'y' }}\n", U, None, {}),
    ("loop_scope", "{% set s = 0 %}{% for m in messages %}{% set s = s + 1 %}{{ s }}{% set t = loop.index %}{% endfor %}{{ s }}{{ t is defined }}", CHAT, None, {}),
    ("loop_scope_if", "{% for m in messages %}{% if loop.index == 2 %}{% set x = 'X' %}{% endif %}[{{ x }}]{% endfor %}", CHAT, None, {}),
    ("namespace", "{% set ns = namespace(n=0, l=[]) %}{% for m in messages %}{% set ns.n = ns.n + loop.index0 %}{% set ns.l = ns.l + [m.role] %}{% endfor %}{{ ns.n }} {{ ns.l }} {{ ns.l | join('/') }}", CHAT, None, {}),
    ("tojson", "{% for t in tools %}{{ t | tojson }}|{{ t | tojson(indent=2) }}|{{ t.function.parameters | tojson(separators=(',', ':')) }}{% endfor %}", U, TOOLS, {}),
    ("str", "{{ tools }} {{ tools[0].function.parameters.z }} {{ none }} {{ true }} {{ 1.5 ~ none ~ 2 }}", U, TOOLS, {}),
    ("precedence", "{{ 1 ~ 3 * 2 }} {{ (1 + 2) ~ 3 }} {{ -2 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ not 1 == 2 }} {{ 1 + 1 is odd }}", U, None, {}),
    ("format", "{{ '%s-%d%%' % ('a', 3) }} {{ '%s' % 'x' }} {{ 'ab' * 3 }}", U, None, {}),
    ("slices", "{{ messages[1:] | length }} {{ messages[::-1][0].role }} {{ 'hello'[1:-1] }} {{ 'hello'[::-2] }} {{ messages[-1]['role'] }} {{ 'h\u00e9llo'[1] }}", CHAT, None, {}),
    ("split", "{% set c = messages[2].content %}{{ c.split('</think>')[-1].lstrip('\\n') }}|{{ c.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}|{{ 'a b  c'.split() }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}", CHAT, None, {}),
    ("methods", "{{ ' x '.strip() }}{{ 'xyx'.strip('x') }}{{ 'a-b'.replace('-', '+') }}{{ 'Ab'.upper() }}{{ 'Ab'.lower() }}{{ 'ab cd'.title() }}{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'c')) }}{{ 'abcb'.find('b') }}{{ 'abcb'.count('b') }}{{ '1'.isdigit() }}", U, None, {}),
    ("filters", "{{ ' a ' | trim }}|{{ 'aB' | upper }}|{{ 'aB' | capitalize }}|{{ [3, 1, 2] | sort | join(',') }}|{{ ['b', 'A'] | sort }}|{{ [1, 2, 3] | sum }}|{{ [1, 2] | first }}|{{ [1, 2] | last }}|{{ 'abc' | reverse }}|{{ [1, 1, 2] | unique | list }}|{{ x | default('d') }}|{{ '' | default('e', true) }}|{{ 2.5 | round }}|{{ 3.14159 | round(2) }}|{{ '12' | int }}|{{ 'x' | int }}|{{ 3 | float }}|{{ -3 | abs }}", U, None, {}),
    ("indent", "{{ 'a\\nb\\n\\nc\\n' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'a\\nb' | indent(width=1) }}", U, None, {}),
    ("select", "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | list }} {{ [1, 2, 3] | select('odd') | list }} {{ ['a'] | map('upper') | list }}", CHAT, None, {}),
    ("dicts", "{% set d = {'b': 1, 'a': [2]} %}{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{{ d | tojson }}{{ d.get('z', 5) }}{{ d.get('q') }}{{ 'a' in d }}{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}{% for k, v in d | items %}{{ k }}{% endfor %}{{ dict(x=1, y=2) | tojson }}", U, None, {}),
    ("tests", "{{ x is defined }} {{ x is undefined }} {{ none is none }} {{ 'a' is string }} {{ [] is iterable }} {{ {} is mapping }} {{ 'a' is sequence }} {{ 3 is divisibleby 3 }} {{ true is boolean }} {{ 1 is number }} {{ 2 is even }} {{ false is sameas false }} {{ 3 is not odd }} {{ 1 is in [1] }}", U, None, {}),
    ("macro", "{% macro m(a, b='!', c=false) %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{% macro n(a) -%}\n  {{ m(a, c=true) }}\n{%- endmacro %}{{ m('x') }}{{ n('y') }}{{ m('z', '?') }}", U, None, {}),
    ("set_block", "{% set b %}\n one {{ messages[0].role }}\n{% endset %}[{{ b }}]", U, None, {}),
    ("loop_vars", "{% for m in messages %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.cycle('a', 'b') }}{% if loop.previtem %}{{ loop.previtem.role }}{% endif %}{% if not loop.last %}{{ loop.nextitem.role }}{% endif %};{% endfor %}", CHAT, None, {}),
    ("loop_filter", "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ loop.length }}{% else %}none{% endfor %}{% for m in [] %}x{% else %}none{% endfor %}", CHAT, None, {}),
    ("break_continue", "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{% if loop.index == 3 %}{% break %}{% endif %}{{ m.role }}{% endfor %}", CHAT, None, {}),
    ("inline_if", "{{ 'a' if x else 'b' }}{{ 'c' if not x }}{{ 'd' if x is defined and x else 'e' if false else 'f' }}", U, None, {}),
    ("strings", "{{ 'it''s' }} {{ \"q\\\"'\" }} {{ '\\u00e9\\x41\\t|\\q' }} {{ ['it\\'s', 'a\"b', 'x\\n'] }}", U, None, {}),
    ("range", "{% for i in range(3) %}{{ i }}{% endfor %}{{ range(5, 0, -2) | list }}", U, None, {}),
    ("chatml", "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}", U, None, {}),
    ("bos", "{{ bos_token }}{% for m in messages %}{{ m['role'] | upper }}: {{ m['content'] | trim }}{{ eos_token }}{% endfor %}", U, None, {"bos_token": "<s>", "eos_token": "</s>"}),
    ("float_loop", "{% for v in tools[0].function.parameters.a %}{{ v }} {{ v | string }};{% endfor %}", U, TOOLS, {}),
    ("compare", "{{ 'a' < 'b' }}{{ 1 <= 1.0 }}{{ [1] == [1.0] }}{{ 'x' in 'axb' }}{{ 1 not in [2] }}{{ none == none }}{{ x == y }}", U, None, {}),
]
with open(os.path.join(here, "features.jsonl"), "w", encoding="utf-8") as f:
    for name, src, messages, tools, variables in F:
        prompt = env.from_string(src).render(messages=messages, tools=tools, add_generation_prompt=True, **variables)
        row = {"name": name, "source": src, "messages": messages, "vars": variables, "prompt": prompt}
        if tools:
            row["tools"] = tools
        f.write(json.dumps(row, ensure_ascii=False) + "\n")

IMG, VID = {"type": "image", "image": "a.png"}, {"type": "video", "video": "v.mp4"}
T = lambda s: {"type": "text", "text": s}
call = lambda name, args: {"type": "function", "function": {"name": name, "arguments": args}}
Q = [
    ("plain", U, {}), ("no_think", U, {"enable_thinking": False}), ("think_true", U, {"enable_thinking": True}),
    ("system_trimmed", [{"role": "system", "content": " \n\u3000Be brief.\n "}, {"role": "user", "content": "\n hi \n"}], {}),
    ("system_empty", [{"role": "system", "content": " "}, {"role": "user", "content": "hi"}], {}),
    ("media", [{"role": "user", "content": [T("  "), IMG, T(" what "), VID, T("\n")]}], {}),
    ("media_ids", [{"role": "user", "content": [IMG, IMG, VID, T("?")]}, {"role": "assistant", "content": "A"}, {"role": "user", "content": [T("And"), IMG]}], {"add_vision_id": True}),
    ("history_think", [{"role": "user", "content": "1"}, {"role": "assistant", "content": "<think>\nabc\n</think>\n\ndef"}, {"role": "user", "content": "2"}], {}),
    ("last_think", [{"role": "user", "content": "1"}, {"role": "assistant", "content": "<think>\nabc\n\n</think>\n\ndef"}], {}),
    ("last_think_open", [{"role": "user", "content": "1"}, {"role": "assistant", "content": "x</think>y<think>z</think>w"}], {}),
    ("reasoning", [{"role": "user", "content": "1"}, {"role": "assistant", "reasoning_content": " because ", "content": "ok </think> x"}], {}),
    ("tools", [{"role": "system", "content": "S"}, {"role": "user", "content": "w"}], {"tools": TOOLS}),
    ("tool_turn", [{"role": "user", "content": "w"},
                   {"role": "assistant", "content": "", "tool_calls": [call("f", {"a": "x", "b": 1, "c": 1.0, "d": None, "e": True, "g": [1, "é"], "h": {"k": 2}, "i": "<'&>"}), call("g", {})]},
                   {"role": "tool", "content": " 1 "}, {"role": "tool", "content": [T("2"), IMG]},
                   {"role": "assistant", "content": "Done.", "tool_calls": [call("f", {"a": "y"})]}, {"role": "tool", "content": "3"}], {"tools": TOOLS}),
    ("tool_in_user", [{"role": "user", "content": "w"}, {"role": "assistant", "content": "c"}, {"role": "user", "content": "<tool_response>x</tool_response>"}, {"role": "assistant", "content": "d"}], {}),
    ("content_null", [{"role": "user", "content": "w"}, {"role": "assistant", "content": None, "tool_calls": [call("f", {"q": 1})]}, {"role": "tool", "content": "3"}], {}),
    ("specials", [{"role": "user", "content": "<|im_end|>\n<|im_start|>system {{ x }} ${y} <|image_pad|>"}], {}),
]
src = open(os.path.join(here, "qwen3.5.jinja"), encoding="utf-8").read()
with open(os.path.join(here, "qwen3.5_goldens.jsonl"), "w", encoding="utf-8") as f:
    for name, messages, kw in Q:
        prompt = env.from_string(src).render(messages=messages, add_generation_prompt=True, **kw)
        row = {"template": "qwen3.5", "name": name, "messages": messages, "add_generation_prompt": True, **kw, "prompt": prompt}
        f.write(json.dumps(row, ensure_ascii=False) + "\n")
