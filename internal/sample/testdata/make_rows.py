"""Makes rows.json: rows of scores as transformers' processors and warpers leave them.

    python make_rows.py > rows.json        (transformers 5.23.0, torch, CPU)

Each case is a generation_config.json, what was read and written before, and a row of logits. The
processors are those that generate() makes of it, in its order. "scores" is the row before the
warpers, null where a token is forbidden; "probs", where it samples, is what is left to draw from.
"""

import json
import random
import types

import torch
from transformers import GenerationConfig
from transformers.generation.utils import GenerationMixin

VOCAB, EOS, ROOM = 40, [3, 5], 8

GREEDY = [
    {"repetition_penalty": 1.3},
    {"encoder_repetition_penalty": 1.7},
    {"encoder_repetition_penalty": 0.6, "repetition_penalty": 1.2},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"no_repeat_ngram_size": 40},
    {"encoder_no_repeat_ngram_size": 1},
    {"encoder_no_repeat_ngram_size": 2},
    {"encoder_no_repeat_ngram_size": 2, "no_repeat_ngram_size": 3},
    {"bad_words_ids": [[7], [3], [1, 2], [2, 0], [0, 1, 4], [], [1, 5]]},
    {"sequence_bias": [[[6], 1.5], [[2, 9], -0.25], [[1, 2, 9], 0.7], [[9], 0.1], [[0, 9], 3.3], [[6], -2.0],
                       [[1, 9], 0.9], [[2, 1, 9], 5.1], [[4], -1e3]]},
    {"min_length": 9},
    {"min_new_tokens": 2},
    {"min_new_tokens": 2, "min_length": 30},
    {"forced_eos_token_id": 5},
    {"forced_eos_token_id": [5, 8], "suppress_tokens": [5]},
    {"forced_bos_token_id": 9, "begin_suppress_tokens": [9, 10]},
    {"exponential_decay_length_penalty": [0, 1.4]},
    {"exponential_decay_length_penalty": [2, 0.7], "min_length": 8},
    {"exponential_decay_length_penalty": [-1, 2.5], "repetition_penalty": 0.8},
    {"suppress_tokens": [0, 1, 2, -1, 400]},
    {"begin_suppress_tokens": [0, 3, 39]},
    {"remove_invalid_values": True, "renormalize_logits": True},
    {"sequence_bias": [[[2], 1.5], [[1, 4], 2.0]], "repetition_penalty": 1.5, "no_repeat_ngram_size": 2,
     "bad_words_ids": [[0], [1, 4]], "min_new_tokens": 3, "suppress_tokens": [11],
     "begin_suppress_tokens": [12], "exponential_decay_length_penalty": [1, 1.2]},
]
SAMPLED = [
    {"temperature": 0.7, "top_k": 20, "top_p": 0.8},
    {"temperature": 1.7, "top_k": 0},
    {"top_p": 0.0},
    {"top_k": 0, "top_p": 0.5},
    {"top_k": 0, "min_p": 0.0},
    {"top_k": 0, "min_p": 0.1},
    {"top_k": 0, "min_p": 1.0},
    {"top_k": 0, "typical_p": 0.2},
    {"top_k": 0, "typical_p": 0.6},
    {"top_k": 0, "typical_p": 0.95},
    {"top_k": 0, "top_h": 0.1},
    {"top_k": 0, "top_h": 0.5},
    {"top_k": 7, "top_h": 0.9},
    {"top_k": 0, "top_h": 0.97, "wide": True},
    {"top_k": 0, "epsilon_cutoff": 0.02},
    {"top_k": 0, "epsilon_cutoff": 0.9},
    {"top_k": 0, "eta_cutoff": 0.02},
    {"top_k": 0, "eta_cutoff": 0.3},
    {"temperature": 1.3, "top_h": 0.8, "top_k": 9, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.9,
     "epsilon_cutoff": 0.04, "eta_cutoff": 0.2},
    {"temperature": 0.8, "top_k": 12, "typical_p": 0.5, "no_repeat_ngram_size": 2, "repetition_penalty": 1.2,
     "suppress_tokens": [4], "min_new_tokens": 9},
]


def processors(options, prompt):
    config = GenerationConfig(**options)
    config.update(**GenerationConfig._get_default_generation_params(), defaults_only=True)
    config.update(max_length=len(prompt) + ROOM)
    config._eos_token_tensor = torch.tensor(EOS)
    model = types.SimpleNamespace(config=types.SimpleNamespace(is_encoder_decoder=False))
    model._merge_criteria_processor_list = types.MethodType(GenerationMixin._merge_criteria_processor_list, model)
    return GenerationMixin._get_logits_processor(
        model, config, input_ids_seq_length=len(prompt), encoder_input_ids=torch.tensor([prompt]))


def numbers(row):
    return [None if x == -torch.inf else float(f"{x:.9g}") for x in row.tolist()]


def main():
    r = random.Random(17)
    rows = [[round(r.gauss(0, s), 3) for _ in range(VOCAB)] for s in (0.5, 2, 2, 4)]
    rows.append([x / 1000 for x in r.sample(range(-900, 900), 160)])  # wider than what top-h looks at
    histories = [([1], []), ([1, 2, 1, 4], []), ([1, 2, 0, 1], [4, 2]), ([0, 1, 2, 1, 2, 0, 0], [0, 1]),
                 ([1], [2]), ([2, 1, 5, 1, 2], [1, 2, 3, 1, 2, 1, 2])]
    cases = []
    for options in GREEDY + [dict(x, do_sample=True) for x in SAMPLED]:
        picks = range(len(histories)) if "do_sample" not in options else r.sample(range(len(histories)), 2)
        picks = picks[:1] if "wide" in options else picks
        for h in picks:
            prompt, answer = histories[h]
            row = 4 if options.pop("wide", False) else r.randrange(4)
            ids, logits = torch.tensor([prompt + answer]), torch.tensor([rows[row]])
            plain = {k: v for k, v in options.items() if k not in (
                "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "top_h", "epsilon_cutoff",
                "eta_cutoff", "renormalize_logits", "remove_invalid_values")}
            scores = processors(plain, prompt)(ids, logits.clone())
            case = {"options": options, "history": h, "row": row}
            if not torch.equal(scores, logits):
                pairs = zip(numbers(scores[0]), numbers(logits[0]))
                case["scores"] = {str(i): x for i, (x, y) in enumerate(pairs) if x != y}
            if "do_sample" in options:
                final = processors(options, prompt)(ids, logits.clone())
                case["probs"] = {str(i): round(p, 7) for i, (s, p) in enumerate(
                    zip(final[0].tolist(), final.softmax(-1)[0].tolist())) if s != -torch.inf}
            else:
                best = processors(options, prompt)(ids, logits.clone())[0]
                case["best"] = int(best.argmax())
            cases.append(case)
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    head = json.dumps({"eos": EOS, "room": ROOM, "rows": rows, "histories": histories})
    print(head[:-1] + ',\n"cases": [\n' + lines + "\n]}")


main()
