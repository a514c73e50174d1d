#!/usr/bin/env python3
"""Makes the files beside it, of rotary embeddings that are stretched: scalings.json and answers.json.

    python make.py            (transformers 5.23, torch; nothing is downloaded)

scalings.json has frequencies. Of each case: the family, the keys that its decoder's configuration has besides sizes (internal/family's tests have those), and
what the reference makes of them: the scale of cosines and sines, what latent attention multiplies scores by, and for some
lengths of a text the frequencies at its last position, in a model that has seen nothing longer.

answers.json has tokens of ../*-tiny and ../text-tiny with other keys in config.json (null: none), generated greedily for the prompt
of one of their cases, in float32 with eager attention, and the logits of these tokens.
"""
import json
import os
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as deepseek
from transformers.models.qwen2 import modeling_qwen2 as qwen2
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as qwen2_5_vl
from transformers.models.qwen2_vl import modeling_qwen2_vl as qwen2_vl
from transformers.models.qwen3 import modeling_qwen3 as qwen3
from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as qwen3_5_moe
from transformers.models.qwen3_moe import modeling_qwen3_moe as qwen3_moe
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen3_vl
from transformers.models.qwen3_vl_moe import modeling_qwen3_vl_moe as qwen3_vl_moe

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
HEADS = {"hidden_size": 64, "num_attention_heads": 4, "head_dim": 16}
FAMILIES = {  # configuration and rotary embedding, sizes, and whether decoders have an object of their own
    "qwen2": (qwen2.Qwen2Config, qwen2.Qwen2RotaryEmbedding, HEADS, False),
    "qwen3": (qwen3.Qwen3Config, qwen3.Qwen3RotaryEmbedding, HEADS, False),
    "qwen3_moe": (qwen3_moe.Qwen3MoeConfig, qwen3_moe.Qwen3MoeRotaryEmbedding, HEADS, False),
    "qwen2_vl": (qwen2_vl.Qwen2VLConfig, qwen2_vl.Qwen2VLRotaryEmbedding, HEADS, False),
    "qwen2_5_vl": (qwen2_5_vl.Qwen2_5_VLConfig, qwen2_5_vl.Qwen2_5_VLRotaryEmbedding, HEADS, True),
    "qwen3_vl": (qwen3_vl.Qwen3VLConfig, qwen3_vl.Qwen3VLTextRotaryEmbedding, HEADS, True),
    "qwen3_vl_moe": (qwen3_vl_moe.Qwen3VLMoeConfig, qwen3_vl_moe.Qwen3VLMoeTextRotaryEmbedding, HEADS, True),
    "qwen3_5_moe": (qwen3_5_moe.Qwen3_5MoeConfig, qwen3_5_moe.Qwen3_5MoeTextRotaryEmbedding, HEADS | {"hidden_size": 256, "head_dim": 64}, True),
    "kimi_vl": (deepseek.DeepseekV3Config, deepseek.DeepseekV3RotaryEmbedding,
                {"hidden_size": 64, "num_attention_heads": 4, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}, None),
}
S8, S6 = {"mrope_section": [2, 3, 3]}, {"mrope_section": [2, 3, 3], "mrope_interleaved": True}
RAMP = [1.0 + 0.25 * i for i in range(8)]
LONG = [2.0 + 1.5 * i for i in range(8)]


def scaled(**keys):
    return {"rope_scaling": keys}


CASES = [
    ("qwen2", {}), ("qwen3", {}), ("qwen3_vl", {}), ("qwen3_5_moe", {}),
    ("qwen2", {"rope_theta": 5e5, "rope_parameters": {"rope_type": "default", "rope_theta": 2e5}}),
    ("qwen2", {"rope_theta": 5e5, **scaled(type="yarn", factor=4)}),
    ("qwen2", {**scaled(type="yarn", factor=4.0, original_max_position_embeddings=4096), "original_max_position_embeddings": 2048}),
    ("qwen2", {**scaled(type="yarn", factor=None, original_max_position_embeddings=4096)}),
    ("qwen2", {**scaled(type="linear", factor=2), "rope_parameters": {"rope_type": "yarn", "factor": 3.0, "rope_theta": 77.0}}),
    ("qwen2", {"rope_scaling": {}, "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 1e6}}),
    ("qwen2", {"max_position_embeddings": 64, **scaled(type="dynamic", factor=2.0)}),
    ("qwen2", {"max_position_embeddings": 64, **scaled(type="longrope", short_factor=RAMP, long_factor=LONG, factor=4.0,
                                                       original_max_position_embeddings=64)}),
    ("qwen2", {"max_position_embeddings": 256, **scaled(type="longrope", short_factor=RAMP, long_factor=LONG,
                                                        original_max_position_embeddings=64)}),
    ("qwen3", scaled(rope_type="yarn", factor=2.5, original_max_position_embeddings=32, mscale=1.0, mscale_all_dim=0.8)),
    ("qwen3", scaled(rope_type="yarn", factor=2.5, original_max_position_embeddings=32, mscale=0.7)),
    ("qwen3", scaled(rope_type="yarn", factor=8.0, original_max_position_embeddings=512, truncate=False)),
    ("qwen3", scaled(rope_type="yarn", factor=8.0, original_max_position_embeddings=512, truncate=None, attention_factor=1.5)),
    ("qwen3", scaled(rope_type="yarn", factor=8.0, original_max_position_embeddings=3)),
    ("qwen3", scaled(rope_type="yarn", factor=0.5, original_max_position_embeddings=512, beta_fast=0, beta_slow=2)),
    ("qwen3", {"rope_parameters": {"rope_type": "dynamic", "factor": 3, "rope_theta": 5e6}, "max_position_embeddings": 50}),
    ("qwen3", scaled(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=256)),
    ("qwen3", scaled(rope_type="proportional", partial_rotary_factor=0.3)),
    ("qwen3_moe", {"rope_theta": 1e7, **scaled(rope_type="proportional", factor=2.0)}),
    ("qwen2_vl", scaled(type="yarn", factor=4.0, original_max_position_embeddings=32768, **S8)),
    ("qwen2_vl", {**scaled(type="yarn", factor=4.0, original_max_position_embeddings=4096, **S8), "original_max_position_embeddings": 32}),
    ("qwen2_vl", {**scaled(type="dynamic", factor=2.0, **S8), "max_position_embeddings": 100}),
    ("qwen2_5_vl", scaled(type="yarn", rope_type="default", factor=4.0, **S8)),
    ("qwen2_5_vl", {**scaled(type="default", rope_type="yarn", factor=4.0, **S8), "original_max_position_embeddings": 32}),
    ("qwen2_5_vl", scaled(type="linear", factor=3.0, **S8)),
    ("qwen3_vl", {"rope_theta": 5e6, **scaled(rope_type="yarn", factor=3.0, original_max_position_embeddings=64, **S6)}),
    ("qwen3_vl_moe", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 5e6, "factor": 4.0, "original_max_position_embeddings": 24,
                                          "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.25, **S6}}),
    ("qwen3_5_moe", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e7, "factor": 4.0, "original_max_position_embeddings": 4096,
                                         "partial_rotary_factor": 0.25, **S6}}),
    ("qwen3_5_moe", {"partial_rotary_factor": 0.5, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e7, "factor": 4.0, **S6},
                     "max_position_embeddings": 60}),
    ("kimi_vl", {"rope_theta": 5e4, **scaled(type="yarn", factor=32.0, original_max_position_embeddings=4096, mscale=1.0, mscale_all_dim=1.0)}),
    ("kimi_vl", {"rope_theta": 5e4, **scaled(type="yarn", factor=8.0, original_max_position_embeddings=4096, mscale=1.0)}),
    ("kimi_vl", scaled(type="linear", factor=2.0, mscale_all_dim=0.5)),
]


def reference(family, keys):
    config, rotary, sizes, nested = FAMILIES[family]
    top = json.loads(json.dumps({"max_position_embeddings": 131072 if family == "kimi_vl" else 32768, **sizes, **keys}))
    if "rope_theta" not in top and nested is None:
        top["rope_theta"] = 10000.0
    text = config(**({"text_config": top} if nested else top)).get_text_config()

    def at(n):
        r = rotary(text)
        r(torch.zeros(1), torch.arange(n)[None] if family in ("qwen2", "qwen3", "qwen3_moe", "kimi_vl") else torch.arange(n)[None, None])
        return r

    out = {"scale": at(1).attention_scaling, "lengths": {n: [float(x) for x in at(n).inv_freq] for n in (48, 99, 400)}}
    if family == "kimi_vl":
        out["scores"] = deepseek.yarn_apply_mscale(text.rope_parameters, 1.0)
    if len({str(v) for v in out["lengths"].values()}) == 1:
        out["lengths"] = {48: out["lengths"][48]}
    return out


ANSWERS = [
    ("text-tiny/qwen2", "question", "longer from the first token on, and with each that follows", 12,
     {"max_position_embeddings": 24, "rope_scaling": {"type": "dynamic", "factor": 4.0}}),
    ("text-tiny/qwen3", "question", "longer while it answers", 24,
     {"max_position_embeddings": 40, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 8.0}}),
    ("text-tiny/qwen2", "question", "other divisors while it answers", 24,
     {"max_position_embeddings": 160, "rope_scaling": {"type": "longrope", "original_max_position_embeddings": 40,
                                                       "short_factor": [1.0, 1.5, 2.0, 2.5], "long_factor": [3.0, 4.0, 5.0, 9.0]}}),
    ("qwen2_5_vl-tiny", "limits", "a picture, and positions of three axes", 16,
     {"rope_scaling": {"type": "yarn", "mrope_section": [2, 3, 3], "factor": 4.0, "original_max_position_embeddings": 32}}),
    ("qwen2_5_vl-tiny", "limits", "the length is that of positions, which a picture has fewer of than tokens", 16,
     {"max_position_embeddings": 20, "rope_scaling": {"type": "dynamic", "mrope_section": [2, 3, 3], "factor": 4.0}}),
    ("qwen3_vl_moe-tiny", "limits", "interleaved axes, though the key is not there", 16,
     {"text_config.rope_scaling": None, "text_config.rope_theta": None,
      "text_config.rope_parameters": {"rope_type": "yarn", "rope_theta": 5000000.0, "mrope_section": [6, 3, 3], "factor": 4.0,
                                      "original_max_position_embeddings": 24, "attention_factor": 1.25}}),
    ("qwen3_5_moe-tiny", "limits", "a quarter of the channels", 16,
     {"text_config.max_position_embeddings": 30,
      "text_config.rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000000.0, "mrope_section": [3, 3, 2], "factor": 4.0,
                                      "partial_rotary_factor": 0.25}}),
    ("kimi-vl-tiny", "text_only", "latent attention, whose scores are scaled too", 16,
     {"text_config.rope_scaling": {"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16, "mscale": 0.7,
                                   "mscale_all_dim": 0.9}}),
]


@torch.no_grad()
def answer(fixture, case, n, changes):
    source = os.path.join(HERE, "..", fixture)
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(source, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cases"))
        with open(f"{work}/config.json", encoding="utf-8") as f:
            config = json.load(f)
        for path, value in changes.items():
            *outer, key = path.split(".")
            at = config
            for o in outer:
                at = at[o]
            at.pop(key, None)
            if value is not None:
                at[key] = value
        if config["model_type"] == "kimi_vl":  # the decoder alone, which the reference has
            config = config["text_config"] | {"num_nextn_predict_layers": 0}
            decoder = {}
            for shard in (x for x in os.listdir(source) if x.startswith("model")):
                if shard.endswith(".safetensors"):
                    decoder |= {k.removeprefix("language_model."): v for k, v in load_file(f"{work}/{shard}").items()
                                if k.startswith("language_model.")}
                os.remove(f"{work}/{shard}")
            save_file(decoder, f"{work}/model.safetensors", {"format": "pt"})
        os.remove(f"{work}/config.json")
        write_json(f"{work}/config.json", config)
        auto = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
        model = auto.from_pretrained(work, dtype=torch.float32, attn_implementation="eager").eval()
    recorded = load_file(f"{source}/cases/{case}/expected.safetensors")
    ids = recorded["input_ids"][None]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if "pixel_values" in recorded:
        inputs |= {k: recorded[k] for k in ("pixel_values", "image_grid_thw")}
        inputs["mm_token_type_ids"] = (ids == model.config.image_token_id).int()
    out = model.generate(**inputs, do_sample=False, repetition_penalty=1.0, temperature=None, top_p=None, top_k=None, max_new_tokens=n,
                         return_dict_in_generate=True, output_logits=True)
    tokens = out.sequences[0, ids.shape[1]:].tolist()
    top = torch.stack([x[0] for x in out.logits]).topk(2, -1).values
    print(fixture, case, len(tokens), "smallest gap", float((top[:, 0] - top[:, 1]).min()))
    return {"tokens": tokens, "logits": [round(float(x[0, t]), 5) for x, t in zip(out.logits, tokens)]}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.write("\n")


def write_lines(name, values):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(v) for v in values) + "\n]\n")


write_lines("scalings.json", [{"family": family, "keys": keys, **reference(family, keys)} for family, keys in CASES])
write_lines("answers.json", [{"fixture": fixture, "case": case, "about": about, "config": changes, **answer(fixture, case, n, changes)}
                             for fixture, case, about, n, changes in ANSWERS])
