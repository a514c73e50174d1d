"""Writes the files of this folder. They are committed; run it only to change them.

usage: python make.py   (torch 2.15, safetensors 0.5 or later)

model.safetensors holds, as safetensors writes it, what single/ holds.
"""
import json
import os
from collections import OrderedDict

import torch
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))


def path(*parts):
    p = os.path.join(here, *parts)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    return p


def ramp(*shape, dtype=torch.float32):
    n = torch.Size(shape).numel()
    return ((torch.arange(n) - n // 3) / 8).reshape(shape).to(dtype)


class Tied(torch.nn.Module):
    """A module, so that its state dict has the attribute that real ones have, and parameters share a storage."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(5, 6)
        self.head = torch.nn.Linear(6, 5, bias=False)
        self.norm = torch.nn.BatchNorm1d(6)  # has an int64 buffer, a scalar
        with torch.no_grad():
            self.embed.weight.copy_(ramp(5, 6))
            self.norm.weight.copy_(ramp(6))
        self.head.weight = self.embed.weight


state = Tied().state_dict()
assert isinstance(state, OrderedDict) and hasattr(state, "_metadata")
for dtype in ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"):
    state["type." + dtype] = (ramp(3, 2) * 8).to(getattr(torch, dtype))
base = ramp(7, 4, dtype=torch.bfloat16)
state["view.rows"] = base[2:5]
state["view.one"] = base[6, 3]
state["view.column"] = base[:1, 1:2]  # strides of dimensions of one element do not matter
state["view.all"] = base
state["empty"] = torch.empty(0, 4)
state["parameter"] = torch.nn.Parameter(ramp(2, 3))
state["rank5"] = ramp(2, 1, 2, 1, 2, dtype=torch.float16)
torch.save(state, path("single", "pytorch_model.bin"))
plain = {k: v.detach().clone().contiguous() for k, v in state.items()}
save_file(plain, path("model.safetensors"))
for protocol in (3, 4, 5):
    torch.save(state, path(f"protocol{protocol}.bin"), pickle_protocol=protocol)

a = {"layer.0.weight": ramp(4, 3, dtype=torch.bfloat16), "layer.0.bias": ramp(4, dtype=torch.bfloat16)}
b = {"layer.1.weight": ramp(4, 3, dtype=torch.float16), "layer.1.bias": ramp(4, dtype=torch.float32)}
names = [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
for part, name in zip((a, b), names):
    torch.save(part, path("sharded", name))
index = {"metadata": {"total_size": 88}, "weight_map": {k: n for p, n in zip((a, b), names) for k in p}}
with open(path("sharded", "pytorch_model.bin.index.json"), "w") as f:
    json.dump(index, f, indent=1)


class Hostile:
    def __reduce__(self):
        return os.system, ("echo this must not run",)


refused = {
    "transposed": {"w": ramp(3, 4).t()},
    "expanded": {"w": ramp(1, 4).expand(3, 4)},
    "strided": {"w": ramp(4, 4)[:, 1:3]},
    "nested": {"state_dict": {"w": ramp(2)}, "epoch": 3},
    "number": {"w": ramp(2), "epoch": 3},
    "list": [ramp(2)],
    "tensor": ramp(2),
    "complex": {"w": torch.zeros(2, dtype=torch.complex64)},
    "uint16": {"w": torch.zeros(2, dtype=torch.uint16)},
    "sparse": {"w": torch.eye(2).to_sparse()},
    "hostile": {"w": ramp(2), "x": Hostile()},
    "float": {"w": ramp(2), "lr": 0.5},
}
for name, what in refused.items():
    torch.save(what, path("refused", name + ".bin"))
torch.save({"w": ramp(2)}, path("refused", "legacy.bin"), _use_new_zipfile_serialization=False)
