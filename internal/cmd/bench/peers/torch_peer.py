"""One round of a decoder and a tower in the shape of Qwen2-VL, by torch on the CPU, in float32 or bfloat16.

Products of matrices, attention and norms are torch's own; weights are random. Rotations are those of a text: the same work.
"""
from shape import WHOLE_TOKENS, Shape, options, report, timed  # first: see there

import time

import torch
import torch.nn.functional as F


def weight(dtype, rows, cols):
    """A random matrix, made of copies of a small one: generating billions of numbers would take longer than the test."""
    tile = torch.randn(1 << 16) * 0.02
    flat = torch.empty(rows * cols, dtype=dtype)
    whole = rows * cols // tile.numel() * tile.numel()
    flat[:whole].view(-1, tile.numel()).copy_(tile)
    flat[whole:] = tile[: rows * cols - whole]
    return flat.view(rows, cols)


def rotation(positions, dim, dtype):
    angle = positions[:, None] / 1e6 ** (torch.arange(0, dim, 2) / dim)
    return torch.cat([angle, angle], 1).cos().to(dtype), torch.cat([angle, angle], 1).sin().to(dtype)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Decoder:
    def __init__(self, s, dtype):
        self.s, self.dtype = s, dtype
        w = lambda rows, cols: weight(dtype, rows, cols)
        self.one = torch.ones(s.hidden, dtype=dtype)
        self.embed = w(s.vocab, s.hidden)
        self.qkv_bias = torch.zeros(s.hidden + 2 * s.kv(), dtype=dtype)
        self.layers = [dict(qkv=w(s.hidden + 2 * s.kv(), s.hidden), o=w(s.hidden, s.hidden), gate_up=w(2 * s.ffn, s.hidden), down=w(s.hidden, s.ffn)) for _ in range(s.layers)]

    def cache(self, batch, size):
        s = self.s
        return [torch.zeros(2, batch, s.kv_heads, size, s.head_dim, dtype=self.dtype) for _ in range(s.layers)]

    def forward(self, x, at, cache):
        """x is [batch, n, hidden] for the positions from at on; the result is the logits of each sequence's last token."""
        s, (b, n, _) = self.s, x.shape
        cos, sin = rotation(torch.arange(at, at + n), s.head_dim, self.dtype)
        for layer, kv in zip(self.layers, cache):
            h = F.linear(F.rms_norm(x, (s.hidden,), self.one, 1e-6), layer["qkv"], self.qkv_bias)
            q, k, v = (t.view(b, n, -1, s.head_dim).transpose(1, 2) for t in h.split([s.hidden, s.kv(), s.kv()], 2))
            kv[0][:, :, at : at + n], kv[1][:, :, at : at + n] = rotate(k, cos, sin), v
            k, v = kv[0][:, :, : at + n], kv[1][:, :, : at + n]
            # A single token sees all positions; so the heads that share keys can be its rows.
            q = rotate(q, cos, sin)
            if n == 1:
                a = F.scaled_dot_product_attention(q.reshape(b, s.kv_heads, -1, s.head_dim), k, v).reshape(b, s.heads, 1, s.head_dim)
            else:
                group = s.heads // s.kv_heads
                a = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), is_causal=at == 0)
            x = x + F.linear(a.transpose(1, 2).reshape(b, n, s.hidden), layer["o"])
            gate, up = F.linear(F.rms_norm(x, (s.hidden,), self.one, 1e-6), layer["gate_up"]).chunk(2, 2)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        return F.linear(F.rms_norm(x[:, -1], (s.hidden,), self.one, 1e-6), self.embed)

    def step(self, logits, at, cache):
        """Decode one more token of each sequence, the likeliest."""
        return self.forward(F.embedding(logits.argmax(-1), self.embed)[:, None], at, cache)


class Tower:
    def __init__(self, s, dtype):
        self.s, self.dtype = s, dtype
        w = lambda rows, cols: weight(dtype, rows, cols)
        vec = lambda n: torch.zeros(n, dtype=dtype)
        self.embed, self.one, self.zero = w(s.v_hidden, s.patch_dim), torch.ones(s.v_hidden, dtype=dtype), vec(s.v_hidden)
        self.blocks = [dict(qkv=(w(3 * s.v_hidden, s.v_hidden), vec(3 * s.v_hidden)), o=(w(s.v_hidden, s.v_hidden), vec(s.v_hidden)),
                            fc1=(w(s.v_ffn, s.v_hidden), vec(s.v_ffn)), fc2=(w(s.v_hidden, s.v_ffn), vec(s.v_hidden))) for _ in range(s.v_depth)]
        wide = s.v_hidden * s.merge**2
        self.merge1, self.merge2 = (w(wide, wide), vec(wide)), (w(s.hidden, wide), vec(s.hidden))

    def forward(self, patches):
        """patches is [n, patch_dim]; the result is a row for each merged token."""
        s, n = self.s, len(patches)
        norm = lambda x: F.layer_norm(x, (s.v_hidden,), self.one, self.zero, 1e-6)
        cos, sin = rotation(torch.arange(n), s.v_hidden // s.v_heads, self.dtype)
        x = F.linear(patches, self.embed)
        for block in self.blocks:
            q, k, v = F.linear(norm(x), *block["qkv"]).view(n, 3, s.v_heads, -1).permute(1, 2, 0, 3)
            a = F.scaled_dot_product_attention(rotate(q, cos, sin)[None], rotate(k, cos, sin)[None], v[None])[0]
            x = x + F.linear(a.transpose(0, 1).reshape(n, s.v_hidden), *block["o"])
            h = F.linear(norm(x), *block["fc1"])
            x = x + F.linear(h * torch.sigmoid(1.702 * h), *block["fc2"])
        h = F.linear(norm(x).view(n // s.merge**2, -1), *self.merge1)
        return F.linear(F.gelu(h), *self.merge2)


@torch.inference_mode()
def main():
    p = options(__doc__)
    p.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    dtype, s = getattr(torch, a.dtype), Shape(a.checkpoint)
    figures = {}
    decoder = Decoder(s, dtype)
    prompt = lambda n: F.embedding(torch.arange(n) % s.vocab, decoder.embed)[None]

    def decode(batch):
        """Tokens a second of all sequences, after a prompt that they share."""
        cache = decoder.cache(1, a.prompt + a.decode + 1)
        logits = decoder.forward(prompt(a.prompt), 0, cache).expand(batch, -1)
        cache = [layer.repeat(1, batch, 1, 1, 1) for layer in cache]
        logits = decoder.step(logits, a.prompt, cache)

        def steps():
            for i in range(a.decode):
                decoder.step(logits, a.prompt + 1 + i, cache)

        return batch * a.decode / timed(steps, warm=0)

    if "prefill" in a.stages:
        x, cache = prompt(a.prompt), decoder.cache(1, a.prompt)
        figures["prefill_tok_s"] = a.prompt / timed(lambda: decoder.forward(x, 0, cache))
    if "decode" in a.stages:
        figures["decode_tok_s"] = decode(1)
    if "batch_decode" in a.stages and a.batch > 1:
        figures["batch_decode_tok_s"] = decode(a.batch)
    if not a.width:
        a.stages = []
    if "vision" in a.stages or "whole" in a.stages:
        tower = Tower(s, dtype)
        patches = torch.randn(s.patches(a.width, a.height), s.patch_dim).to(dtype)
        figures["vision_s"] = timed(lambda: tower.forward(patches))
    if "whole" in a.stages:
        start = time.perf_counter()
        rows = torch.cat([prompt(a.text_tokens), tower.forward(patches)[None]], 1)
        at, cache = rows.shape[1], decoder.cache(1, rows.shape[1] + WHOLE_TOKENS)
        logits = decoder.forward(rows, 0, cache)
        for i in range(WHOLE_TOKENS - 1):
            logits = decoder.step(logits, at + i, cache)
        figures["whole_s"] = time.perf_counter() - start
    report(f"torch {torch.__version__} {a.dtype}", **figures)


main()
