#!/usr/bin/env python3
"""Makes the fixtures of text-only checkpoints beside it: tiny random decoders with what the reference computes.

    python make.py            (transformers 5.23, torch; nothing is downloaded)

The format is that of the other fixtures: a checkpoint in the layout of the hub, fixture.json with a bound for each stage, and
cases/<case>/{case.json,expected.safetensors}. Weights are drawn from generators seeded with their names, rounded to bfloat16 and
saved so; values are float32 on one thread with eager attention. A bound is 16 times the distance of float32 from float64.
Tokenizer and chat template are those of ../qwen3_vl_moe-tiny.
"""
import copy
import json
import math
import os
import platform
import shutil
import zlib

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = os.path.join(HERE, "..", "qwen3_vl_moe-tiny")
SEED = 7
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()

# Sizes tell the axes apart. The first is written as releases of its time write it, the others as transformers 5 saves them.
MODELS = {
    "qwen2": dict(model_type="qwen2", hidden_size=48, num_attention_heads=6, num_key_value_heads=2, intermediate_size=72,
                  num_hidden_layers=3, tie_word_embeddings=True, rms_norm_eps=1e-6, max_position_embeddings=2048,
                  rope_theta=1000000.0, use_sliding_window=False, sliding_window=1024, max_window_layers=3),
    "qwen3": dict(model_type="qwen3", hidden_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=56,
                  num_hidden_layers=3, tie_word_embeddings=False, rms_norm_eps=1e-6, max_position_embeddings=2048,
                  rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
    "qwen3_moe": dict(model_type="qwen3_moe", hidden_size=32, num_attention_heads=4, num_key_value_heads=1, head_dim=12,
                      intermediate_size=56, moe_intermediate_size=20, num_experts=5, num_experts_per_tok=2, norm_topk_prob=True,
                      mlp_only_layers=[1], decoder_sparse_step=1, num_hidden_layers=4, tie_word_embeddings=False, rms_norm_eps=1e-6,
                      max_position_embeddings=2048, rope_parameters={"rope_type": "default", "rope_theta": 10000000.0}),
}
CASES = [
    {"name": "question", "messages": [("user", "List the colours: red, green, blue.\n你好!")], "max_new_tokens": 12},
    {"name": "multi_turn", "messages": [("system", "Answer with one word."), ("user", "Good morning!"), ("assistant", "Hello."),
                                        ("user", "What happens at 3.14 seconds?")], "max_new_tokens": 8},
]


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.write("\n")


@torch.no_grad()
def randomise(model, tied, tokens):
    """Nothing stays at 0 or 1, so that a forgotten bias or norm shows."""
    for name, p in model.named_parameters():
        g = torch.Generator().manual_seed(zlib.crc32(name.encode()) ^ SEED)
        x = torch.randn(p.shape, generator=g)
        if name.endswith("norm.weight"):
            x = 1 + 0.25 * x
            if "q_norm" in name or "k_norm" in name:
                x *= 1.35
            if tied and name == "model.norm.weight":  # else the current token is its own best successor
                x *= 2.2 * torch.where(torch.rand(p.shape, generator=g) < 0.5, -1.0, 1.0)
        elif name.endswith("bias"):
            x *= 0.2
        elif "embed_tokens" in name or "lm_head" in name:
            x *= 0.25 if "embed" in name else 0.55
            x[tokens:] = 0
        else:
            x *= 1.6 / math.sqrt(p.shape[-1])
        p.copy_(x.bfloat16())


def prefill(model, ids):
    out = model(input_ids=ids, output_hidden_states=True, use_cache=False)
    h = [x[0] for x in out.hidden_states]
    stages = {"inputs_embeds": h[0], "llm.norm": h[-1]}
    last = {}
    hook = model.model.norm.register_forward_pre_hook(lambda m, a: last.update(x=a[0][0]))
    model(input_ids=ids, use_cache=False)
    hook.remove()
    for i, x in enumerate(h[1:-1] + [last["x"]]):
        stages[f"llm.layer.{i}"] = x
    return stages, out.logits[0]


@torch.no_grad()
def generate(model, ids, n, ends):
    """Greedy, over the whole sequence at each step: no cache can be wrong."""
    new, logits, gap = [], [], math.inf
    for _ in range(n):
        row = model(input_ids=torch.cat([ids, torch.tensor([new], dtype=torch.long)], 1), use_cache=False).logits[0, -1]
        two = row.topk(2).values
        gap = min(gap, float(two[0] - two[1]))
        new.append(int(row.argmax()))
        logits.append(row)
        if new[-1] in ends:
            break
    return torch.tensor(new), torch.stack(logits), gap


def bound(err, largest):
    x = max(16 * err, 1e-6 * largest)
    e = 10.0 ** math.floor(math.log10(x))
    return float(f"{math.ceil(x / e) * e:.0e}")


@torch.no_grad()
def make(kind, dims):
    out = os.path.join(HERE, kind)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    for f in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(TOKENS, f), out)
    with open(os.path.join(TOKENS, "generation_config.json")) as f:
        generation = json.load(f)
    with open(os.path.join(TOKENS, "chat_template.json")) as f:
        template = json.load(f)["chat_template"]
    with open(os.path.join(out, "chat_template.jinja"), "w") as f:
        f.write(template)
    tok = AutoTokenizer.from_pretrained(out)
    ends = generation["eos_token_id"] if isinstance(generation["eos_token_id"], list) else [generation["eos_token_id"]]
    written = {**dims, "architectures": [{"qwen2": "Qwen2", "qwen3": "Qwen3", "qwen3_moe": "Qwen3Moe"}[kind] + "ForCausalLM"],
               "vocab_size": (len(tok) // 32 + 2) * 32, "hidden_act": "silu", "torch_dtype": "bfloat16", "eos_token_id": ends[0],
               "bos_token_id": None}
    write_json(f"{out}/config.json", written)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(out), dtype=torch.float32)
    randomise(model, dims["tie_word_embeddings"], len(tok))
    model.to(torch.bfloat16).save_pretrained(out)
    if kind == "qwen2":
        write_json(f"{out}/config.json", written)
    write_json(f"{out}/generation_config.json", {"eos_token_id": ends, "do_sample": False})
    kwargs = {"experts_implementation": "eager"} if kind.endswith("moe") else {}
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager", **kwargs).eval()
    double = copy.deepcopy(model).double()

    errs, gaps = {}, []
    for case in CASES:
        messages = [{"role": r, "content": [{"type": "text", "text": t}]} for r, t in case["messages"]]
        prompt = tok.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = torch.tensor([tok(prompt)["input_ids"]])
        stages, logits = prefill(model, ids)
        stages64, logits64 = prefill(double, ids)
        for name, a, b in [(k, v, stages64[k]) for k, v in stages.items()] + [("logits", logits, logits64)]:
            key = name.rsplit(".", 1)[0] if name[-1].isdigit() else name
            e = errs.setdefault(key, [0.0, 0.0])
            e[0], e[1] = max(e[0], float((a.double() - b).abs().max())), max(e[1], float(a.abs().max()))
        new, rows, gap = generate(model, ids, case["max_new_tokens"], ends)
        assert torch.allclose(rows[0], logits[-1], atol=1e-4)
        gaps.append(gap)
        d = f"{out}/cases/{case['name']}"
        os.makedirs(d)
        write_json(f"{d}/case.json", {"name": case["name"], "messages": messages,
                                      "generate": {"max_new_tokens": case["max_new_tokens"], "do_sample": False}, "prompt": prompt,
                                      "text": tok.decode(new, skip_special_tokens=True),
                                      "text_with_special": tok.decode(new, skip_special_tokens=False), "greedy_gap": round(gap, 6)})
        tensors = {"input_ids": ids[0], "generated_ids": new, "generated_logits": rows, **stages}
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, f"{d}/expected.safetensors")
        print(kind, case["name"], "prompt", ids.shape[1], "new", len(new), "distinct", len(set(new.tolist())), "gap", round(gap, 4))
    write_json(f"{out}/fixture.json", {
        "family": kind, "seed": SEED, "dtype": "bfloat16", "script": "make.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__},
        "tolerance": {k: {"atol": bound(*e), "max_abs": round(e[1], 3), "float32_minus_float64": float(f"{e[0]:.2e}")}
                      for k, e in sorted(errs.items())},
        "smallest_greedy_gap": round(min(gaps), 6), "cases": [c["name"] for c in CASES]})


for kind, dims in MODELS.items():
    make(kind, dims)
