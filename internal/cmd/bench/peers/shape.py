"""The shape of a Qwen2-VL checkpoint, and the options and output that all peers of bench have in common."""
import argparse
import json
import math
import os
import resource
import sys
import time

WHOLE_TOKENS = 64  # after the picture and its text, in the stage "whole"
STAGES = ("prefill", "decode", "batch_decode", "vision", "whole")

# Only one process works at a time: threads may spin while they wait for the next product. It is read when the library starts, so this module
# is imported first.
os.environ.setdefault("OMP_WAIT_POLICY", "active")


class Shape:
    """Sizes that config.json tells; weights are random, which takes the same time."""

    def __init__(self, checkpoint):
        with open(os.path.join(checkpoint, "config.json")) as f:
            c = json.load(f)
        if c["model_type"] != "qwen2_vl":
            sys.exit(f"model_type {c['model_type']}: this script knows the shape of qwen2_vl only")
        c.update(c.pop("text_config", {}))
        v = c["vision_config"]
        self.hidden, self.ffn, self.layers, self.vocab = c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["vocab_size"]
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.head_dim = self.hidden // self.heads
        self.v_hidden, self.v_depth, self.v_heads = v["embed_dim"], v["depth"], v["num_heads"]
        self.v_ffn = int(v["embed_dim"] * v["mlp_ratio"])
        self.merge, self.patch = v["spatial_merge_size"], v["patch_size"]
        self.patch_dim = 3 * v["temporal_patch_size"] * v["patch_size"] ** 2

    def kv(self):
        return self.kv_heads * self.head_dim

    def patches(self, width, height):
        return (width // self.patch) * (height // self.patch)


def options(description):
    """Options that bench fills in; the caller adds its own."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--checkpoint", required=True, help="folder with config.json; its weights are not read")
    for name, value in (("threads", 0), ("prompt", 512), ("decode", 64), ("batch", 1), ("width", 0), ("height", 0), ("text-tokens", 32)):
        p.add_argument("--" + name, type=int, default=value)
    p.add_argument("--stages", default=",".join(STAGES), type=lambda s: s.split(","), help="stages to time, of those that the script has")
    return p


def timed(f, warm=1):
    """Seconds of one call after some that are not counted."""
    for _ in range(warm):
        f()
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def report(version, **figures):
    """Print the figures as bench reads them."""
    figures = {k: v for k, v in figures.items() if v is not None and math.isfinite(v)}
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({**figures, "rss_peak_bytes": rss, "version": version}), flush=True)
