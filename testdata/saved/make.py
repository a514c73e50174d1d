#!/usr/bin/env python3
"""Saves the fixtures beside this folder as versions of the reference save them.

    python make.py OUT [VERSION ...]        (torch, torchvision; versions of transformers come from the package index)

OUT/<version>/<name> is what save_pretrained of model and processor writes, with the fixture's cases and bounds: a fixture as well, which
`go run ./internal/cmd/parity -images testdata/images OUT/<version>/<name>` judges. A folder that is there is not made anew. Here are
its files other than weights, unless the fixture or an earlier folder has the same, and saved.json: the fixture, where each file is,
and how the weights differ from the fixture's.

Every version has an environment of its own in OUT/env, with torch of the interpreter that runs this, and what else is not pinned here.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.dirname(HERE)
COMMON = ["regex==2025.11.3", "PyYAML==6.0.2", "requests==2.32.3", "tqdm==4.67.1", "filelock==3.16.1", "packaging==24.2", "fsspec==2024.12.0",
          "Jinja2==3.1.5", "protobuf==5.29.3"]
VERSIONS = {
    "4.46.3": ["tokenizers==0.20.3", "huggingface_hub==0.26.5", "safetensors==0.4.5", "numpy==1.26.4", "pillow==10.4.0"],
    "4.49.0": ["tokenizers==0.21.0", "huggingface_hub==0.28.1", "safetensors==0.5.2", "numpy==1.26.4", "pillow==10.4.0"],
    "4.52.4": ["tokenizers==0.21.1", "huggingface_hub==0.32.4", "safetensors==0.5.3", "numpy==2.2.6", "pillow==11.2.1"],
    "4.57.3": ["tokenizers==0.22.1", "huggingface_hub==0.36.0", "safetensors==0.6.2", "numpy==2.2.6", "pillow==11.3.0"],
    "5.20.0": ["tokenizers==0.23.3", "huggingface_hub==2.4.0", "safetensors==0.8.0", "numpy==2.4.6", "pillow==13.0.0"],
    "5.23.0": ["tokenizers==0.23.3", "huggingface_hub==2.4.0", "safetensors==0.8.0", "numpy==2.4.6", "pillow==13.0.0"],
}
VISION, TEXT = "AutoModelForImageTextToText", "AutoModelForCausalLM"
# A name, the fixture, the class, options of save_pretrained, the first version, and the first that has them no longer.
SAVES = [
    ("qwen2_vl", "qwen2_vl-tiny", VISION, {}, (4, 46)),
    ("qwen2_vl-bin", "qwen2_vl-tiny", VISION, {"safe_serialization": False}, (4, 46), (5, 0)),
    ("qwen2_5_vl", "qwen2_5_vl-tiny", VISION, {}, (4, 49)),
    ("qwen2_5_vl-shards", "qwen2_5_vl-tiny", VISION, {"max_shard_size": "600KB"}, (4, 49)),
    ("qwen3_vl_moe", "qwen3_vl_moe-tiny", VISION, {}, (4, 57)),
    ("qwen3_5_moe", "qwen3_5_moe-tiny", VISION, {}, (5, 0)),
    ("qwen2-bf16", "text-tiny/qwen2", TEXT, {}, (4, 46)),
    ("qwen3", "text-tiny/qwen3", TEXT, {}, (4, 52)),
    ("qwen3_moe", "text-tiny/qwen3_moe", TEXT, {}, (4, 52)),
    ("qwen2_5_vl-newnames", "qwen2_5_vl-tiny", VISION, {"save_original_format": False}, (5, 0)),
]


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.write("\n")


def save(jobs):
    """Runs in a version's environment: jobs of source, folder to write, class, options."""
    import torch
    import transformers
    for source, out, kind, options in jobs:
        os.chdir(source)  # whose path versions write into config.json
        try:
            dtype = torch.bfloat16 if "bf16" in out else torch.float32
            getattr(transformers, kind).from_pretrained(".", torch_dtype=dtype).save_pretrained(out, **options)
            (transformers.AutoProcessor if kind == VISION else transformers.AutoTokenizer).from_pretrained(".").save_pretrained(out)
        except Exception as e:
            shutil.rmtree(out, ignore_errors=True)
            print(f"{transformers.__version__} {out}: {type(e).__name__}: {e}", flush=True)


def environment(out, version):
    """Returns the interpreter of a version."""
    env = f"{out}/env/{version}"
    python = f"{env}/bin/python"
    if not os.path.exists(f"{env}/done"):
        shutil.rmtree(env, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", env], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", f"transformers=={version}", *VERSIONS[version], *COMMON], check=True)
        import torch
        shared = os.path.dirname(os.path.dirname(torch.__file__))
        site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True)
        with open(os.path.join(site.stdout.strip(), "shared.pth"), "w", encoding="utf-8") as f:
            f.write(shared + "\n")
        open(f"{env}/done", "w", encoding="utf-8").close()
    return python


def respell(folder, version):
    """Text fixtures are spelled as version 5 has them, which earlier ones do not understand."""
    template, path = f"{folder}/chat_template.jinja", f"{folder}/config.json"
    if version < (4, 52) and os.path.exists(template):
        with open(template, encoding="utf-8") as f:
            write_json(f"{folder}/tokenizer_config.json", {**read_json(f"{folder}/tokenizer_config.json"), "chat_template": f.read()})
        os.remove(template)
    config = read_json(path)
    if version < (5,) and "rope_parameters" in config:
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        if "num_local_experts" in config:
            config["num_experts"] = config.pop("num_local_experts")
        write_json(path, config)


def tensors(folder):
    """All tensors of a folder, by name."""
    import torch
    from safetensors.torch import load_file
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            out |= load_file(f"{folder}/{name}")
        elif name.endswith(".bin"):
            out |= torch.load(f"{folder}/{name}", weights_only=True)
    return out


def difference(base, saved):
    """Prefixes that change, names that others stand under too, tensors that lie the other way, and types."""
    import torch
    rename = []
    for old, new in (("model.", "model.language_model."), ("visual.", "model.visual."), ("model.language_model.", "model.language_model."),
                     ("model.visual.", "model.visual.")):
        olds = [k for k in base if k.startswith(old)]
        if olds and all(new + k.removeprefix(old) in saved for k in olds) and old != new:
            rename.append([old, new])
    def renamed(k):
        for old, new in rename:
            if k.startswith(old):
                return new + k.removeprefix(old)
        return k
    want = {renamed(k): v for k, v in base.items() if not k.startswith("mtp.") or k in saved}
    add, turned = {}, []
    for k in saved.keys() - want.keys():
        add[k] = next(w for w, v in want.items() if v.shape == saved[k].shape and torch.equal(v, saved[k]))
    assert not want.keys() - saved.keys(), sorted(want.keys() - saved.keys())[:5]
    for k, v in want.items():
        if v.shape != saved[k].shape:
            v = v.transpose(-1, -2)
            turned.append(k)
        assert torch.equal(v.float(), saved[k].float()), k
    return {"rename": rename, "add": add, "turned": turned, "dtypes": sorted({str(v.dtype).removeprefix("torch.") for v in saved.values()})}


def main():
    out, versions = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(VERSIONS)
    for version in versions:
        shutil.rmtree(f"{HERE}/{version}", ignore_errors=True)
    for version in versions:
        number = tuple(map(int, version.split(".")[:2]))
        python = environment(out, version)
        chosen, jobs = [s[:4] for s in SAVES if number >= s[4] and number < (*s, (99, 0))[5]], []
        for name, fixture, kind, options in chosen:
            folder, source = f"{out}/{version}/{name}", f"{out}/source/{version}/{name}"
            if os.path.exists(f"{folder}/fixture.json"):
                continue
            for d in (folder, source):
                shutil.rmtree(d, ignore_errors=True)
            shutil.copytree(f"{BASE}/{fixture}", source, ignore=shutil.ignore_patterns("cases", "fixture.json"))
            respell(source, number)
            jobs.append((source, folder, kind, options))
        if jobs:
            env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
            subprocess.run([python, os.path.abspath(__file__), "--save", json.dumps(jobs)], check=True, env=env)
        for name, fixture, _, options in chosen:
            describe(f"{out}/{version}/{name}", f"{HERE}/{version}/{name}", fixture, options)


def describe(folder, here, fixture, options):
    """Makes a fixture of what was saved, and keeps what is told of it here."""
    if not os.path.exists(folder):
        return
    base, files, edits = f"{BASE}/{fixture}", {}, {}
    os.makedirs(here)
    for f in sorted(x for x in os.listdir(folder) if os.path.isfile(f"{folder}/{x}") and x != "fixture.json"):
        earlier = [d for d in sorted(glob.glob(f"{HERE}/*/*")) if same(f"{folder}/{f}", f"{d}/{f}")]
        if f.endswith((".safetensors", ".bin", ".index.json")):
            files[f] = "weights"
        elif same(f"{folder}/{f}", f"{base}/{f}"):
            files[f] = "fixture"
        elif f == "tokenizer.json" and (changed := edited(f"{folder}/{f}", f"{base}/{f}")):
            files[f], edits = "fixture", changed
        elif earlier:
            files[f] = os.path.relpath(earlier[0], HERE)
        else:
            shutil.copy(f"{folder}/{f}", f"{here}/{f}")
            files[f] = os.path.relpath(here, HERE)
    info = {"fixture": fixture, "options": options, "files": files, "tokenizer": edits, **difference(tensors(base), tensors(folder))}
    write_json(f"{here}/saved.json", info)
    shutil.copytree(f"{base}/cases", f"{folder}/cases", dirs_exist_ok=True)
    shutil.copy(f"{base}/fixture.json", folder)
    print(folder, info["rename"], info["add"], info["dtypes"], flush=True)


def edited(a, b):
    """What of the model differs in a vocabulary that is otherwise the same: a large file for a small difference."""
    a, b = read_json(a), read_json(b)
    change = {k: a["model"].get(k) for k in a["model"].keys() | b["model"].keys() if a["model"].get(k) != b["model"].get(k)}
    return {f"model.{k}": v for k, v in change.items()} if a == {**b, "model": {**b["model"], **change}} and len(change) < 5 else {}


def same(a, b):
    if not os.path.exists(b):
        return False
    if a.endswith(".json"):
        return read_json(a) == read_json(b)
    with open(a, "rb") as x, open(b, "rb") as y:
        return x.read() == y.read()


if __name__ == "__main__":
    if sys.argv[1] == "--save":
        save(json.loads(sys.argv[2]))
    else:
        main()
