"""One round of the matrices of a decoder in the shape of Qwen2-VL, with 8-bit or 4-bit weights, by OpenVINO on the CPU.

The matrices only: attention, norms and rotations are left out, which flatters it. Left alone, OpenVINO
computes in bfloat16 where the processor can, which decodes about half as fast as in float32: both are
tried, each with several numbers of activations that share a scale, and the best of a stage counts.
"""
from shape import Shape, options, report, timed  # first: see there

import gc
import itertools

import numpy as np
import openvino as ov
from openvino import opset15 as op


kept = []  # arrays of four-bit numbers, which tensors refer to without holding them


def four_bits(data, shape):
    kept.append(data)
    return op.convert(op.constant(ov.Tensor(data, ov.Shape(shape), ov.Type.u4)), "f32")


def packed(rng, rows, cols, bits, group):
    """A node that gives a random matrix [rows, cols]: 8 bits with a scale for each row, or 4 bits with one for each group of a row."""
    if bits == 8:
        w = op.constant(rng.integers(0, 256, (rows, cols), np.uint8))
        w = op.subtract(op.convert(w, "f32"), op.convert(op.constant(np.full((rows, 1), 128, np.uint8)), "f32"))
        return op.multiply(w, op.constant(np.full((rows, 1), 1e-3, np.float32)))
    shape = [rows, cols // group, group]
    w = four_bits(rng.integers(0, 256, rows * cols // 2, np.uint8), shape)
    zero = four_bits(np.full(rows * cols // group // 2, 0x88, np.uint8), shape[:2] + [1])
    w = op.multiply(op.subtract(w, zero), op.constant(np.full((rows, cols // group, 1), 1e-3, np.float32)))
    return op.reshape(w, np.array([rows, cols]), False)


def decoder(s, bits, group):
    """x is [n, hidden]; the result is the logits of the last row."""
    rng = np.random.default_rng(1)
    linear = lambda x, rows, cols: op.matmul(x, packed(rng, rows, cols, bits, group), False, True)
    first = x = op.parameter([-1, s.hidden], ov.Type.f32)
    at = lambda *v: op.constant(np.array(v, np.int64))
    for _ in range(s.layers):
        qkv = linear(x, s.hidden + 2 * s.kv(), s.hidden)
        # Keys and values must be used, or they would not be computed: here they are added to queries.
        q, k, v = op.variadic_split(qkv, at(1), at(s.hidden, s.kv(), s.kv())).outputs()
        repeat = at(1, s.hidden // s.kv())
        x = op.add(x, linear(op.add(q, op.tile(op.add(k, v), repeat)), s.hidden, s.hidden))
        gate, up = linear(x, s.ffn, s.hidden), linear(x, s.ffn, s.hidden)
        x = op.add(x, linear(op.multiply(op.swish(gate), up), s.hidden, s.ffn))
    last = op.slice(x, at(-1), at(2**31 - 1), at(1), at(0))
    return ov.Model([linear(last, s.vocab, s.hidden)], [first], "matrices")


def main():
    p = options(__doc__)
    p.add_argument("--bits", type=int, choices=(8, 4), default=8)
    p.add_argument("--weight-group", type=int, default=128, help="elements of a row that share a scale, with 4 bits")
    p.add_argument("--groups", type=lambda g: g.split(","), default=["default", "128"],
                   help="elements that share a scale of the quantized activations, tried in turn; "
                        "default: as OpenVINO does; 0: they are not quantized")
    p.add_argument("--precisions", type=lambda g: g.split(","), default=["f32", "default"],
                   help="INFERENCE_PRECISION_HINT, tried in turn; default: as OpenVINO does, bf16 where the processor has it")
    a = p.parse_args()
    s = Shape(a.checkpoint)
    rows = lambda n: np.random.default_rng(2).standard_normal((n, s.hidden), np.float32) * 0.1
    figures = {}

    def best(stage, rate):
        figures[stage] = max(figures.get(stage, 0), rate)

    for precision, group in itertools.product(a.precisions, a.groups):
        config = {"INFERENCE_NUM_THREADS": a.threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
        if group != "default":
            config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = group
        if precision != "default":
            config["INFERENCE_PRECISION_HINT"] = precision
        request = ov.compile_model(decoder(s, a.bits, a.weight_group), "CPU", config).create_infer_request()

        def run(n, times=1):
            x = ov.Tensor(rows(n))
            for _ in range(times):
                request.infer({0: x}, share_inputs=True, share_outputs=True)

        if "prefill" in a.stages:
            best("prefill_tok_s", a.prompt / timed(lambda: run(a.prompt)))
        if "decode" in a.stages:
            run(1)
            best("decode_tok_s", a.decode / timed(lambda: run(1, a.decode), warm=0))
        if "batch_decode" in a.stages and a.batch > 1:
            run(a.batch)
            best("batch_decode_tok_s", a.batch * a.decode / timed(lambda: run(a.batch, a.decode), warm=0))
        del request, run  # run holds the request, and that its model
        kept.clear()
        gc.collect()
    report(f"OpenVINO {ov.get_version()} int{a.bits}", **figures)


main()
