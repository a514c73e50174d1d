"""Writes ../../testdata/tokenizers/files.jsonl.gz: tokenizers in several files that contradict one another, and what the reference makes of them.

    venv/bin/pip install transformers==5.23.0 torch
    venv/bin/python file_goldens.py ROWS SEED | gzip -9n > ../../testdata/tokenizers/files.jsonl.gz

The committed file has 120 rows of seed 1. Each row has the vocabulary and the merges of ../../testdata/tokenizers/qwen2-tiny.

A row: `json` is added_tokens of tokenizer.json (null: vocab.json and merges.txt instead), `config`, `special` and `added` are
tokenizer_config.json, special_tokens_map.json and added_tokens.json (null: there is none). `tokens` are the added tokens that AutoTokenizer has
then, as [id, text, special]; `ids` are those of `texts`. Rows that the reference refuses are left out.
"""
import json
import os
import random
import shutil
import sys
import tempfile

import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(HERE, "..", "..", "testdata", "tokenizers", "qwen2-tiny")
NEW = ["<x>", "<y>", "<|z|>", " sp ", "\u00e9", "\u4f60\u597d", "cat", "<loc_1>", "<loc_12>", "\u0120the", "e\u0301x", "<think>"]
TEXTS = ["a <x>  <y>\n<|z|> sp the cat <loc_12><loc_1> \u00e9\u4f60\u597d e\u0301x", "<|im_start|>user <x><|endoftext|>\n <|image_pad|> cat",
         "  <think> <loc_1> the"]


def read(name):
    with open(os.path.join(BASE, name), encoding="utf-8") as f:
        return json.load(f)


def token(text):
    special = random.random() < 0.5
    return {"content": text, "lstrip": random.random() < 0.15, "rstrip": random.random() < 0.15, "single_word": False,
            "normalized": not special and random.random() < 0.3, "special": special}


def some(n):
    return random.sample(NEW, n)


def draw(tokens, config):
    row = {"json": None, "special": None, "added": None}
    if random.random() < 0.5:
        tokens = [a for a in tokens if random.random() < 0.8]
    last = max(a["id"] for a in tokens)
    tokens += [{"id": last + 1 + i, **token(t)} for i, t in enumerate(some(random.choice([0, 0, 1, 2])))]
    decoder = config["added_tokens_decoder"]
    kind = random.random()
    if kind < 0.35:
        del config["added_tokens_decoder"]
    elif kind < 0.8:
        for key in list(decoder):
            if random.random() < 0.1:
                del decoder[key]
        at = 590
        for t in some(random.choice([0, 1, 2])):
            decoder[str(at)] = token(t)
            at += random.choice([1, 1, 3])
        if random.random() < 0.2:
            decoder[str(random.randrange(575))] = token(random.choice(NEW))
    if random.random() < 0.3:
        config.pop("additional_special_tokens", None)
    if random.random() < 0.3:
        config["additional_special_tokens"] = some(2) + ["<|image_pad|>"]
    if random.random() < 0.2:
        config["extra_special_tokens"] = random.choice([[], some(2), {"image_token": "<|image_pad|>", "foo_token": some(1)[0]}])
    if random.random() < 0.2:
        config["image_token"] = some(1)[0]
    for key in "unk_token", "eos_token", "pad_token", "bos_token":
        kind = random.random()
        if kind < 0.15:
            config.pop(key, None)
        elif kind < 0.25:
            config[key] = some(1)[0]
    config["tokenizer_class"] = random.choice(["Qwen2Tokenizer", "Qwen2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"])
    if random.random() < 0.1:
        del config["tokenizer_class"]
    row["config"] = config if random.random() < 0.95 else None
    if random.random() < 0.3:
        row["special"] = m = {}
        if random.random() < 0.5:
            m["eos_token"] = random.choice(["<|im_end|>", "<x>", {"content": "<y>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}])
        if random.random() < 0.5:
            m["additional_special_tokens"] = some(2)
        if random.random() < 0.2:
            m["extra_special_tokens"] = some(1)
    if random.random() < 0.3:
        row["added"] = dict(zip(some(2) + ["<|im_end|>"], random.sample(range(588, 594), 3)))
    if random.random() < 0.75:
        row["json"] = tokens
    return row


def resolve(row, whole):
    with tempfile.TemporaryDirectory() as d:
        def write(name, value):
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                json.dump(value, f)
        write("config.json", {"model_type": "qwen2_vl"})
        for name, key in ("tokenizer_config.json", "config"), ("special_tokens_map.json", "special"), ("added_tokens.json", "added"):
            if row[key] is not None:
                write(name, row[key])
        if row["json"] is not None:
            write("tokenizer.json", {**whole, "added_tokens": row["json"]})
        else:
            for name in "vocab.json", "merges.txt":
                shutil.copy(os.path.join(BASE, name), d)
        t = transformers.AutoTokenizer.from_pretrained(d)
        row["tokens"] = [[i, str(a), a.special] for i, a in sorted(t.added_tokens_decoder.items())]
        row["texts"] = TEXTS
        row["ids"] = [t(s, add_special_tokens=False)["input_ids"] for s in TEXTS]


def main(rows, seed):
    transformers.logging.set_verbosity_error()
    random.seed(seed)
    whole = read("tokenizer.json")
    while rows > 0:
        row = draw(read("tokenizer.json")["added_tokens"], read("tokenizer_config.json"))
        try:
            resolve(row, whole)
        except Exception:  # refused
            continue
        print(json.dumps(row, ensure_ascii=False))
        rows -= 1


main(int(sys.argv[1]), int(sys.argv[2]))
