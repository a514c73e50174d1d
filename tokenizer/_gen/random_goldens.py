"""Writes ../../testdata/tokenizers/random.jsonl.gz: random strings with what the references make of them.

    venv/bin/pip install tokenizers==0.23.3 unicodedata2==18.0.0 tiktoken==0.14.0
    venv/bin/python random_goldens.py ROWS SEED | gzip -9n > ../../testdata/tokenizers/random.jsonl.gz

The committed file has 400 rows of seed 1. The strings are dense in what splits and NFC can get wrong: marks of every class and age,
decompositions, Hangul parts, letters of every case, all kinds of spaces, contractions, halves of special tokens.

A row: text; ids and plain (added tokens recognized; special ones as text) under the tokenizer.json beside the output; marks and han:
the lengths in bytes of the pieces of those split patterns; ranked: ids under the ranks of the .tiktoken file with the han pattern.
"""
import base64
import gzip
import json
import os
import random
import re
import sys

import tiktoken
import unicodedata2 as unicodedata
from tokenizers import Regex, Tokenizer, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "testdata", "tokenizers")
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
PATTERNS = {
    "marks": "|".join([CONTRACTIONS, r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+", r"\p{N}", r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*", SPACES]),
    "han": "|".join([r"[\p{Han}]+", r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?",
                     r"[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*" + CONTRACTIONS + "?",
                     r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", SPACES]),
}
TRICKY = list("'  \n\r\t\u0085\u00a0\u3000\u200b.,!?abzABZ019sStTdmMrReEvVlL\u017f\u4e2d\u6587\u3007\u3005\u2e80\u00aa\u00ba\u01c5\u02b0"
              "\u30fc\u0301\u0327\u0345\u0338\u1100\u1161\u11a8\uac00\uac01<>|_")
TRICKY += ["<|im_start|>", "<|im_end|>", "<think>", "<|im_", "|>", "'ll", "'re"]
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
MARKS = [c for c in POINTS if unicodedata.combining(chr(c))]
COMPOSED = [c for c in POINTS if re.match("[0-9A-F]", unicodedata.decomposition(chr(c)))]

rows, seed = int(sys.argv[1]), int(sys.argv[2])
rnd = random.Random(seed)
hf = Tokenizer.from_str(gzip.open(os.path.join(DATA, "qwen3-tokenizer.json.gz"), "rt", encoding="utf-8").read())
plain = Tokenizer.from_str(hf.to_str())
plain.encode_special_tokens = True
splits = {k: pre_tokenizers.Split(Regex(p), "isolated") for k, p in PATTERNS.items()}
ranks = {}
for line in gzip.open(os.path.join(DATA, "qwen.tiktoken.gz")):
    token, rank = line.split()
    ranks[base64.b64decode(token)] = int(rank)
ranked = tiktoken.Encoding("ranked", pat_str=PATTERNS["han"], mergeable_ranks=ranks, special_tokens={})


def part():
    x = rnd.random()
    if x < 0.55:
        return rnd.choice(TRICKY)
    if x < 0.65:
        return chr(rnd.choice(MARKS))
    if x < 0.72:
        return chr(rnd.choice(COMPOSED))
    if x < 0.78:
        return unicodedata.normalize("NFD", chr(rnd.choice(COMPOSED)))
    if x < 0.9:
        return chr(rnd.randrange(32, 0x3000))
    return chr(rnd.choice(POINTS))


for _ in range(rows):
    text = "".join(part() for _ in range(rnd.choice([3, 8, 20, 40])))
    if rnd.random() < 0.05:
        text += "".join(chr(rnd.choice(MARKS + [0xF73, 0xF75, 0xF81, 0x344])) for _ in range(45))
    row = {"text": text, "ids": hf.encode(text, add_special_tokens=False).ids,
           "plain": plain.encode(text, add_special_tokens=False).ids}
    for k, s in splits.items():
        row[k] = [len(p.encode()) for p, _ in s.pre_tokenize_str(text)]
    row["ranked"] = ranked.encode(text, disallowed_special=())
    print(json.dumps(row))
