"""Makes cases.json: answers under a generation_config.json, and what the reference refuses.

    python make.py > cases.json        (transformers 5.23.0, torch, float32 on CPU)

Each case lays its file over the fixture that it names and asks generate() for "max" tokens without
any other option, so that everything but the length is the file's. "margin" is the smallest lead of a
best score over the second.
"""

import json
import os
import shutil
import sys
import tempfile

import torch
import transformers
from transformers import AutoModelForImageTextToText, AutoProcessor

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = "List the colours: red, <loc_7> green; 你好"
BASE = {"bos_token_id": 576, "pad_token_id": 576, "eos_token_id": [578, 576]}

ANSWERED = [
    {},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"encoder_no_repeat_ngram_size": 2},
    {"bad_words_ids": [[437], [586, 42], [149, 399, 586]]},
    {"suppress_tokens": [452, 437, -1]},
    {"begin_suppress_tokens": [452, 90]},
    {"repetition_penalty": 1.2},
    {"repetition_penalty": 0.8, "no_repeat_ngram_size": 4},
    {"encoder_repetition_penalty": 1.5},
    {"sequence_bias": [[[437], -3.0], [[452, 586], 20.0], [[586], 0.5]]},
    {"exponential_decay_length_penalty": [3, 1.6]},
    {"min_new_tokens": 12, "eos_token_id": [437, 576]},
    {"min_length": 60, "eos_token_id": 437},
    {"eos_token_id": 437},
    {"eos_token_id": [437.0, 5]},
    {"eos_token_id": -1},
    {"eos_token_id": None},
    {"forced_eos_token_id": 576},
    {"forced_bos_token_id": 90},
    {"temperature": 0.0, "top_k": -5, "top_p": 7, "do_sample": False},
    {"do_sample": True, "top_k": 1},
    {"do_sample": True, "top_p": 0.0, "top_k": 0},
    {"do_sample": True, "min_p": 1.0},
    {"do_sample": True, "temperature": 1e-6, "typical_p": 0.9},
    {"do_sample": True, "top_h": 1e-6, "no_repeat_ngram_size": 2},
    {"do_sample": True, "epsilon_cutoff": 0.999, "suppress_tokens": [452]},
    {"do_sample": True, "eta_cutoff": 0.999999, "top_k": 2, "temperature": 0.001},
    {"num_beam_groups": 3, "length_penalty": 0.5, "renormalize_logits": True, "use_cache": False},
    {"prompt_lookup_num_tokens": 3},
    {"no_repeat_ngram_size": 2, "repetition_penalty": 1.1, "suppress_tokens": [437], "bad_words_ids": [[399], [586, 293]],
     "begin_suppress_tokens": [90], "min_new_tokens": 20, "sequence_bias": [[[149], 2.5]],
     "exponential_decay_length_penalty": [2, 1.3]},
]
REFUSED = [
    {"do_sample": True, "temperature": 0.0},
    {"do_sample": True, "temperature": -1.0},
    {"do_sample": True, "temperature": "0.7"},
    {"do_sample": True, "top_k": -2},
    {"do_sample": True, "top_k": 2.5},
    {"do_sample": True, "top_p": -0.5},
    {"do_sample": True, "min_p": 1.5},
    {"do_sample": True, "min_p": -0.1},
    {"do_sample": True, "typical_p": 0.0},
    {"do_sample": True, "top_h": 0.0},
    {"do_sample": True, "top_h": 2},
    {"repetition_penalty": 0.0},
    {"repetition_penalty": -1.0},
    {"repetition_penalty": "1.1"},
    {"no_repeat_ngram_size": 1.5},
    {"bad_words_ids": [5]},
    {"bad_words_ids": [[-1]]},
    {"bad_words_ids": [[100000]]},
    {"sequence_bias": [[[100000], 1.0]]},
    {"sequence_bias": {"5": 1.0}},
    {"forced_eos_token_id": 100000},
    {"encoder_repetition_penalty": 0.0},
    {"penalty_alpha": 0.6},
    {"constraints": [1]},
    {"force_words_ids": [[5]]},
    {"dola_layers": "high"},
    {"num_return_sequences": 2},
    {"token_healing": True},
    {"stop_strings": ["a"]},
    {"logits_processor": []},
]


def answer(fixture, options, most):
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(f"{HERE}/../{fixture}"):
            if os.path.isfile(f"{HERE}/../{fixture}/{name}"):
                shutil.copyfile(f"{HERE}/../{fixture}/{name}", f"{folder}/{name}")
        with open(f"{folder}/generation_config.json", "w") as f:
            json.dump({k: v for k, v in {**BASE, **options}.items() if v is not None}, f)
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        processor = AutoProcessor.from_pretrained(folder)
        prompt = processor.apply_chat_template([{"role": "user", "content": [{"type": "text", "text": TEXT}]}],
                                               add_generation_prompt=True, tokenize=False)
        ids = processor.tokenizer(prompt, return_tensors="pt")["input_ids"]
        torch.manual_seed(1)
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=most,
                             return_dict_in_generate=True, output_scores=True)
        top = torch.stack([x[0] for x in out.scores]).topk(2, -1).values
        return out.sequences[0, ids.shape[1]:].tolist(), float((top[:, 0] - top[:, 1]).min())


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    cases = []
    for i, options in enumerate(ANSWERED):
        for fixture in ("qwen2_vl-tiny", "qwen2_5_vl-tiny")[: 1 + (i % 3 == 2 or i == len(ANSWERED) - 1)]:
            tokens, margin = answer(fixture, options, 16)
            print(fixture, options, margin, file=sys.stderr)
            cases.append({"fixture": fixture, "options": options, "tokens": tokens, "margin": round(min(margin, 99), 4)})
    for options in REFUSED:
        try:
            tokens = answer("qwen2_vl-tiny", options, 4)
        except Exception as e:
            cases.append({"fixture": "qwen2_vl-tiny", "options": options, "error": f"{type(e).__name__}: {e}"[:90]})
        else:
            print("not refused:", options, tokens, file=sys.stderr)
    lines = ",\n".join(json.dumps(c) for c in cases)
    print(json.dumps({"base": BASE, "text": TEXT, "max": 16})[:-1] + ',\n"cases": [\n' + lines + "\n]}")


main()
