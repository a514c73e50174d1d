"""What transformers 5.23.0 makes of configurations with a key left out, and of processors' files.

    python make_settings.py        # writes defaults.jsonl and places.jsonl beside itself

defaults.jsonl: for each published configuration of ../configs and each of its keys, what other
values the configuration then has ("set", under the names that config.json has for them, "text."
and "vision." in front for what stands in the parts), or that nothing is made of it ("refused").
places.jsonl: files of processors beside a config.json ("base"), of a fixture or of a published
model, whose keys are left out one by one; the samples and grids that come of them; null where the
reference refuses.
"""
import copy, json, os, tempfile, warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
warnings.filterwarnings("ignore")
import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoImageProcessor, AutoVideoProcessor

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))

# ---------------------------------------------------------------- defaults.jsonl
TEXT = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "hidden_act", "max_position_embeddings", "rms_norm_eps", "attention_bias", "decoder_sparse_step", "mlp_only_layers",
        "num_experts", "num_experts_per_tok", "moe_intermediate_size", "shared_expert_intermediate_size",
        "linear_conv_kernel_dim", "linear_key_head_dim", "linear_value_head_dim", "linear_num_key_heads", "linear_num_value_heads"]
VISION = ["depth", "embed_dim", "hidden_size", "hidden_act", "mlp_ratio", "num_heads", "in_channels", "patch_size",
          "spatial_merge_size", "temporal_patch_size", "intermediate_size", "tokens_per_second", "window_size", "out_hidden_size",
          "fullatt_block_indexes", "num_position_embeddings", "deepstack_visual_indexes"]


def values(config):
    """The values that matter, of a configuration as a file says it."""
    d = tempfile.mkdtemp()
    json.dump(config, open(d + "/config.json", "w"))
    c = AutoConfig.from_pretrained(d)
    t, v = c.get_text_config(), getattr(c, "vision_config", None)
    kind = c.model_type
    out = {"tie_word_embeddings": c.tie_word_embeddings}
    for k in TEXT:
        if hasattr(t, k):
            out["text." + k] = getattr(t, k)
    if kind == "qwen3_moe":
        out["text.norm_topk_prob"] = t.norm_topk_prob
    heads = t.hidden_size // t.num_attention_heads
    if kind not in ("qwen2_vl", "qwen2_5_vl"):  # where a key for it is read
        out["text.head_dim"] = getattr(t, "head_dim", None) or heads
    elif heads * t.num_attention_heads != t.hidden_size:
        raise ValueError("heads")
    if kind.startswith("qwen3_5"):
        out["text.layer_types"] = t.layer_types
    for k in VISION:
        if v is not None and hasattr(v, k):
            if not (kind.startswith("qwen3_5") and k == "deepstack_visual_indexes"):  # nobody reads it
                out["vision." + k] = getattr(v, k)
    rope = t.rope_parameters
    out["text.rope_theta"] = rope["rope_theta"]
    if "vl" in kind or "qwen3_5" in kind:
        default = {"qwen2_vl": [16, 24, 24], "qwen2_5_vl": [16, 24, 24], "qwen3_vl": [24, 20, 20], "qwen3_vl_moe": [24, 20, 20],
                   "qwen3_5": [11, 11, 10], "qwen3_5_moe": [11, 11, 10]}[kind]  # in the code of the model
        section = rope.get("mrope_section", default)
        if "qwen3" not in kind and 2 * sum(section) != heads:
            raise ValueError("mrope_section")
    if "qwen3_5" in kind:
        out["text.partial_rotary_factor"] = rope["partial_rotary_factor"]
    return out


def paths(x, prefix=""):
    for k, v in sorted(x.items()):
        if k == "model_type" and not prefix:
            continue
        yield prefix + k
        if isinstance(v, dict):
            yield from paths(v, prefix + k + ".")


def drop(x, path):
    x = copy.deepcopy(x)
    at, keys = x, path.split(".")
    for k in keys[:-1]:
        at = at[k]
    del at[keys[-1]]
    return x


def defaults():
    for name in sorted(os.listdir(here + "/../configs")):
        file = f"{here}/../configs/{name}/config.json"
        if not os.path.exists(file):
            continue
        config = json.load(open(file))
        if config["model_type"] in ("qwen", "kimi_vl"):
            continue  # the code of these is on the hub
        whole = values(config)
        for path in paths(config):
            row = {"config": name, "drop": path}
            try:
                got = values(drop(config, path))
                row["set"] = {k: v for k, v in got.items() if whole[k] != v}
            except Exception:
                row["refused"] = True
            yield row


# ---------------------------------------------------------------- places.jsonl
OLD, NEW, VID = "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"
FRAMES = [1, 2, 3, 4, 7, 8, 33]
SIZES = [(300, 200), (52, 38), (64, 640)]


def still(d):
    p = AutoImageProcessor.from_pretrained(d, backend="pil")
    grids = [p(images=Image.new("RGB", s, (10, 200, 30)), return_tensors="pt")["image_grid_thw"].tolist()[0] for s in SIZES]
    return {**samples(p), "grids": grids}


def clip(d):
    p = AutoVideoProcessor.from_pretrained(d)
    grids = []
    for n in FRAMES:
        for w, h in SIZES:
            try:
                o = p(videos=[np.zeros((n, h, w, 3), np.uint8)], return_tensors="pt", do_sample_frames=False)
                grids.append(o["video_grid_thw"].tolist()[0])
            except ValueError as e:  # fewer frames than a patch has
                if "temporal_factor" not in str(e):
                    raise
                grids.append(None)
    return {**samples(p), "grids": grids}


def samples(p):
    three = lambda x: [float(x)] * 3 if isinstance(x, (int, float)) else [float(v) for v in x]
    mean, std = (three(p.image_mean), three(p.image_std)) if p.do_normalize else ([0.0] * 3, [1.0] * 3)
    return {"mean": mean, "std": std, "factor": float(p.rescale_factor) if p.do_rescale else 1.0}


def made(make, d):
    try:
        return make(d)
    except Exception:
        return None


def places():
    for base in ["qwen2_vl-tiny", "qwen2_5_vl-tiny", "qwen3_vl_moe-tiny"]:
        config = json.load(open(f"{here}/../{base}/config.json"))
        config["model_type"] = config["model_type"].removesuffix("_moe")  # for which no class of pictures is listed
        side = config["vision_config"].get("patch_size", 14)
        # A file of pictures, of videos, and both in one.
        P = {"size": {"shortest_edge": 4096, "longest_edge": 12544}, "patch_size": side, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        V = {"size": {"shortest_edge": 4096, "longest_edge": 42000}, "patch_size": side, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        also = lambda x, **k: {**x, **k}
        rest = {k: v for k, v in P.items() if k != "size"}
        loose = also(rest, min_pixels=3136, max_pixels=9408)
        tried = [
            # where they stand
            {OLD: P}, {OLD: P, VID: V}, {NEW: {"image_processor": P, "video_processor": V}}, {NEW: {"image_processor": P}}, {NEW: {"video_processor": V}},
            {}, {VID: V}, {OLD: P, NEW: {"video_processor": V}}, {OLD: P, NEW: {"image_processor": also(P, size={"shortest_edge": 3136, "longest_edge": 5000})}},
            {OLD: P, VID: V, NEW: {"video_processor": also(V, size={"shortest_edge": 3136, "longest_edge": 9000})}},
            {OLD: P, NEW: {"processor_class": "X"}}, {OLD: P, NEW: {"size": {"shortest_edge": 7, "longest_edge": 9}}},
            {OLD: P, VID: V, NEW: {"image_processor": None, "video_processor": None}}, {OLD: P, NEW: {"image_processor": {}}},
            {OLD: P, NEW: {"image_processor": {"patch_size": side}}}, {OLD: P, VID: V, NEW: {"video_processor": {}}}, {OLD: P, NEW: {"video_processor": {"patch_size": side}}},
            {OLD: P, VID: {}}, {OLD: {}}, {OLD: {"patch_size": side}},
            # limits and their spellings
            {OLD: loose}, {OLD: also(P, min_pixels=3136)}, {OLD: also(P, max_pixels=20000)}, {OLD: also(P, min_pixels=None, max_pixels=None)},
            {OLD: also(rest, min_pixels=3136)}, {OLD: also(rest, max_pixels=9408)}, {OLD: also(P, size=None)}, {OLD: also(P, size={"shortest_edge": 4096})},
            {OLD: also(P, size={"longest_edge": 9408})}, {OLD: also(P, size={"shortest_edge": 4096}, max_pixels=9408)},
            {OLD: also(loose, size={"min_pixels": 3136, "max_pixels": 9408})}, {OLD: also(P, size={"min_pixels": 3136, "max_pixels": 9408})},
            {OLD: also(P, size={"min_pixels": 3136, "max_pixels": 9408}, min_pixels=3136)}, {OLD: also(P, size={"height": 56, "width": 56})},
            {OLD: also(P, size=400)}, {OLD: also(P, size={"shortest_edge": 0, "longest_edge": 9408})},
            {OLD: also(P, size={"shortest_edge": 12544, "longest_edge": 9408})}, {OLD: also(P, size={"shortest_edge": 4096.0, "longest_edge": 12544.0})},
            {OLD: also(loose, min_pixels=3136.0, max_pixels=9408.0)}, {OLD: P, VID: also(V, min_pixels=3136, max_pixels=9408)},
            {OLD: P, VID: also({k: v for k, v in V.items() if k != "size"}, max_pixels=9408)},
            # a bound on the tokens of a clip
            {OLD: P, VID: also(V, cap_pixels_per_frame=True)}, {OLD: P, VID: also(V, cap_pixels_per_frame=True, max_video_tokens=4)},
            {OLD: P, VID: also(V, cap_pixels_per_frame=True, max_video_tokens=16)}, {OLD: P, VID: also(V, cap_pixels_per_frame=False, max_video_tokens=4)},
            {OLD: P, VID: also(V, cap_pixels_per_frame=None, max_video_tokens=4)}, {OLD: P, VID: also(V, cap_pixels_per_frame=True, max_video_tokens=100)},
            {OLD: also(P, cap_pixels_per_frame=True, max_video_tokens=9)}, {NEW: {"image_processor": P, "video_processor": also(V, cap_pixels_per_frame=1, max_video_tokens=12)}},
            {OLD: P, VID: also(V, cap_pixels_per_frame=True, max_video_tokens=40, size={"shortest_edge": 3136, "longest_edge": 200000})},
            # classes
            {OLD: also(P, image_processor_type="Qwen2VLImageProcessor")}, {OLD: also(P, image_processor_type="Qwen2VLImageProcessorFast")},
            {OLD: also(P, image_processor_type="CLIPImageProcessor")}, {OLD: also(P, image_processor_type="Nonsense")},
            {OLD: P, VID: also(V, video_processor_type="Qwen2VLVideoProcessor")}, {OLD: P, VID: also(V, video_processor_type="Qwen3VLVideoProcessor")},
            {OLD: P, VID: also(V, video_processor_type="Nonsense")}, {OLD: P, VID: also(V, video_processor_type="InternVLVideoProcessor")},
            # samples
            {OLD: also(P, image_mean=0.5, image_std=0.25)}, {OLD: also(P, image_mean=None)}, {OLD: also(P, image_mean=[0, 0, 0], image_std=[1, 1, 1])},
            {OLD: also(P, image_mean=[0.5])}, {OLD: P, VID: also(V, image_mean=[0.1, 0.2, 0.3])}, {OLD: P, VID: also(V, image_std=0.7, rescale_factor=0.5)},
            {OLD: also(P, do_normalize=False)}, {OLD: also(P, do_rescale=False)}, {OLD: also(P, do_rescale=1, do_normalize=0)}, {OLD: P, VID: also(V, do_normalize=False)},
            {OLD: also(P, do_convert_rgb=False)}, {OLD: also(P, resample=None)},
        ]
        for files in tried:
            yield of_files(base, config, files)
    for base in ["configs/Qwen2-VL-2B", "configs/Qwen3-VL-8B-Instruct", "configs/Qwen3.5-27B"]:
        config, whole = (json.load(open(f"{here}/../{base}/{name}")) for name in ["config.json", OLD])
        for path in ["", *paths(whole)]:
            yield of_files(base, config, {OLD: drop(whole, path) if path else whole})


def of_files(base, config, files):
    d = tempfile.mkdtemp()
    for name, x in {**files, "config.json": config}.items():
        json.dump(x, open(f"{d}/{name}", "w"))
    return {"base": base, "files": files, "image": made(still, d), "video": made(clip, d)}


for name, rows in [("defaults", defaults()), ("places", places())]:
    with open(f"{here}/{name}.jsonl", "w") as f:
        for row in rows:
            f.write(json.dumps(row, separators=(",", ":")) + "\n")
