#!/usr/bin/env python3
"""What `verify -model DIR` prints, from transformers: float32, eager attention, Pillow's resize.

    python verify.py DIR [--trust-remote-code] > reference.json

Needs transformers==5.23.0 torch==2.15.0 torchvision==0.29.2 pillow==13.0.0. The questions are those
of ../cases.json, the pictures those of qwenvltest/pictures.
"""
import argparse
import hashlib
import json
import os
import sys

import torch
import transformers
from PIL import Image
from transformers import AutoConfig, AutoImageProcessor, AutoModelForCausalLM
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES = os.path.join(HERE, "../../../../qwenvltest/pictures")
STEPS, BEST = 16, 4


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def digest_ids(ids):
    return digest(" ".join(map(str, ids)).encode())


class Text:
    """A text model."""

    def __init__(self, path, remote):
        self.model = AutoModelForCausalLM.from_pretrained(
            path, dtype=torch.float32, attn_implementation="eager", trust_remote_code=remote).eval()
        self.tok = AutoTokenizer.from_pretrained(path, trust_remote_code=remote)

    def inputs(self, messages, images):
        if images:
            return None
        plain = [{"role": m["role"], "content": "".join(c["text"] for c in m["content"])}
                 for m in messages]
        return self.tok.apply_chat_template(plain, add_generation_prompt=True, return_dict=True,
                                            return_tensors="pt")


class Vision:
    """A model that takes pictures."""

    def __init__(self, path, remote):
        kind = json.load(open(f"{path}/config.json"))["model_type"]
        more = {"experts_implementation": "eager"} if "_moe" in kind else {}
        self.model = AutoModelForImageTextToText.from_pretrained(
            path, dtype=torch.float32, attn_implementation="eager", trust_remote_code=remote,
            **more).eval()
        self.proc = AutoProcessor.from_pretrained(path, trust_remote_code=remote)
        self.proc.image_processor = AutoImageProcessor.from_pretrained(path, backend="pil")

    def inputs(self, messages, images):
        text = self.proc.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        pictures = [Image.open(os.path.join(PICTURES, i)).convert("RGB") for i in images] or None
        return self.proc(text=[text], images=pictures, return_tensors="pt")


def ask(engine, question):
    messages = json.loads(json.dumps(question["messages"]))
    images = []
    for m in messages:
        for c in m["content"]:
            if c["type"] == "image":
                images.append(c["image"])
            else:
                c["text"] *= question.get("repeat", 1)
    inputs = engine.inputs(messages, images)
    if inputs is None:
        return None
    out = engine.model.generate(
        **inputs, max_new_tokens=STEPS, do_sample=False, repetition_penalty=1.0, temperature=None,
        top_p=None, top_k=None, return_dict_in_generate=True, output_logits=True)
    n = inputs["input_ids"].shape[1]
    top, gap, first = [], float("inf"), None
    for logits in out.logits:
        values, ids = torch.sort(logits[0].double(), descending=True, stable=True)
        values, ids = values[:BEST + 1].tolist(), ids[:BEST].tolist()
        top += ids
        gap = min([gap] + [a - b for a, b in zip(values, values[1:])])
        first = first or [[i, round(v, 4)] for i, v in zip(ids, values)]
    return {
        "name": question["name"], "prompt_tokens": n,
        "prompt": digest_ids(inputs["input_ids"][0].tolist()),
        "grids": inputs["image_grid_thw"].tolist() if images else [],
        "ids": out.sequences[0, n:].tolist(), "top": digest_ids(top), "gap": round(gap, 4),
        "first": first,
    }


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("--trust-remote-code", action="store_true")
    a = ap.parse_args()
    data = open(f"{a.model}/config.json", "rb").read()
    config = AutoConfig.from_pretrained(a.model, trust_remote_code=a.trust_remote_code)
    kind = Vision if hasattr(config, "vision_config") else Text
    engine = kind(a.model, a.trust_remote_code)
    asked = json.load(open(os.path.join(HERE, "../cases.json"), encoding="utf-8"))
    with torch.no_grad():
        answers = [x for x in (ask(engine, q) for q in asked) if x]
    head = {"verify": 1, "engine": "transformers " + transformers.__version__,
            "model_type": json.loads(data)["model_type"], "config": digest(data), "format": "f32"}
    print(json.dumps(head)[:-1] + ', "questions": [')
    print(",\n".join(" " + json.dumps(x) for x in answers))
    print("]}")


if __name__ == "__main__":
    sys.exit(main())
