"""Small JPEG files of every kind, and what Pillow 13.0.0 makes of them.

    pip install pillow==13.0.0 numpy
    apt-get install libjpeg-turbo-progs        # cjpeg: arithmetic coding and free sampling
    python make_jpegs.py                       # writes everything beside itself
    python make_jpegs.py --random 500 DIR      # that many random ones, to compare by other means

A line of golden.txt is a file's name, then "refused", or width, height, samples of a pixel and the
SHA-256 of its samples (R, G, B; four components as Pillow's mode CMYK).

mutations.txt has a line for each of MUTATED: what Pillow makes of it with one byte changed, for each
byte from the third on and each of four changes: the first two digits of the SHA-256, "--" where it
refuses, ".." where the picture would be large.
"""
import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import warnings

import numpy as np
from PIL import Image

warnings.simplefilter("ignore")
SAMPLINGS = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "2x3"]


def picture(w, h, bands, seed, noise=8):
    """Waves, an edge and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    planes = [127 + 110 * np.sin(x / (5 + i) + i) * np.cos(y / (9 - i)) for i in range(bands)]
    a = np.stack(planes, -1) + rng.normal(0, noise, (h, w, bands))
    a[h // 3 : h // 2, w // 4 :] = rng.integers(0, 256, bands)
    return a.clip(0, 255).astype(np.uint8)


def pillow(a, **options):
    out = io.BytesIO()
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[a.shape[2]]
    Image.fromarray(a[..., 0] if mode == "L" else a, mode).save(out, "jpeg", **options)
    return out.getvalue()


def cjpeg(a, *options, scans=None):
    h, w, bands = a.shape
    raw = b"P%d\n%d %d\n255\n" % (5 if bands == 1 else 6, w, h) + a.tobytes()
    options = list(options)
    if scans:
        with open("/tmp/scans.txt", "w") as f:
            f.write(scans)
        options += ["-scans", "/tmp/scans.txt"]
    r = subprocess.run(["cjpeg", *options], input=raw, capture_output=True)
    return r.stdout if r.returncode == 0 else b""


def segments(data):
    """(offset, marker) of each segment up to the first scan."""
    i, found = 2, []
    while True:
        found.append((i, data[i + 1]))
        if data[i + 1] == 0xDA:
            return found
        i += 2 + int.from_bytes(data[i + 2 : i + 4], "big")


def without(data, marker):
    for at, m in reversed(segments(data)):
        if m == marker:
            n = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            data = data[:at] + data[at + n :]
    return data


def patched(data, marker, offset, value, nth=0):
    at = [at for at, m in segments(data) if m == marker][nth] + offset
    return data[:at] + bytes([value]) + data[at + 1 :]


def wide_tables(data):
    """Quantization tables of 16 bits an entry."""
    out, last = data[:2], 2
    for at, m in segments(data):
        if m == 0xDB:
            p = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
            body = b""
            while p:
                body += bytes([p[0] | 0x10]) + b"".join(struct.pack(">H", v) for v in p[1:65])
                p = p[65:]
            out += data[last:at] + b"\xff\xdb" + struct.pack(">H", len(body) + 2) + body
            last = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return out + data[last:]


def lossless(a, predictor, transform=0, rows=0, apart=False):
    """Lossless coding with a Huffman table of fixed lengths, in one scan or one for each component."""
    h, w, n = a.shape
    if apart:
        parts = [lossless(a[..., c : c + 1], predictor, transform, rows) for c in range(n)]
        at = [segments(p)[-1][0] for p in parts]
        names = b"RGB" if n == 3 else bytes(range(1, n + 1))
        head = bytes([n]) + b"".join(bytes([i, 0x11, 0]) for i in names)
        out = parts[0][:11] + head + parts[0][15 : at[0]]
        out = out[:4] + struct.pack(">H", 8 + 3 * n) + out[6:]
        for i, p, start in zip(names, parts, at):
            out += p[start : start + 5] + bytes([i]) + p[start + 6 : -2]
        return out + b"\xff\xd9"
    bits = []

    def put(v, size):
        bits.extend(v >> i & 1 for i in reversed(range(size)))

    def flush():
        bits.extend([1] * (-len(bits) % 8))
        b = bytes(int("".join(map(str, bits[i : i + 8])), 2) for i in range(0, len(bits), 8))
        bits.clear()
        return b.replace(b"\xff", b"\xff\x00")

    s, code, restart = a.astype(int) >> transform, b"", 0
    for y in range(h):
        first = y == 0
        if rows and y and y % rows == 0:
            code, first = code + flush() + bytes([0xFF, 0xD0 + restart % 8]), True
            restart += 1
        for x in range(w):
            for c in range(n):
                ra, rb, rc = (s[y - j, x - i, c] if x >= i and y >= j else 0 for i, j in [(1, 0), (0, 1), (1, 1)])
                if first:
                    p = ra if x else 1 << (7 - transform)
                elif x == 0:
                    p = rb
                else:
                    p = [ra, rb, rc, ra + rb - rc, ra + ((rb - rc) >> 1), rb + ((ra - rc) >> 1), (ra + rb) >> 1][predictor - 1]
                d = int(s[y, x, c] - p)
                size = abs(d).bit_length()
                put(size, 4)
                if size:
                    put(d if d > 0 else d + (1 << size) - 1, size)
    code += flush()
    seg = lambda m, b: bytes([0xFF, m]) + struct.pack(">H", len(b) + 2) + b
    names = b"RGB" if n == 3 else bytes(range(1, n + 1))
    out = b"\xff\xd8" + seg(0xC3, struct.pack(">BHHB", 8, h, w, n) + b"".join(bytes([i, 0x11, 0]) for i in names))
    out += seg(0xC4, b"\0" + bytes([0, 0, 0, 15] + [0] * 12) + bytes(range(15)))
    if rows:
        out += seg(0xDD, struct.pack(">H", rows * w))
    return out + seg(0xDA, bytes([n]) + b"".join(bytes([i, 0]) for i in names) + bytes([predictor, 0, transform])) + code + b"\xff\xd9"


def whole():
    """name -> file, of those without damage."""
    a, g, k = picture(37, 29, 3, 1), picture(35, 21, 1, 2), picture(33, 27, 4, 3)
    f = {}
    for s in SAMPLINGS:
        f["s_" + s] = cjpeg(a, "-quality", "80", "-sample", s)
    for s in ["2x1,1x1,2x1", "1x1,2x2,2x2", "2x2,2x1,1x2", "1x2,1x1,1x2", "2x2,1x1,2x2", "1x1,1x1,2x1", "3x2,1x1,1x2"]:
        f["s_" + s.replace(",", "_")] = cjpeg(a, "-quality", "75", "-sample", s)
    f["gray_2x2"] = cjpeg(g, "-grayscale", "-sample", "2x2")
    f["gray_progressive"] = pillow(g, progressive=True)
    f["progressive_2x2"] = cjpeg(a, "-progressive", "-sample", "2x2", "-restart", "3B")
    f["progressive_1x2"] = cjpeg(a, "-progressive", "-sample", "1x2", "-optimize")
    f["arithmetic"] = cjpeg(a, "-arithmetic", "-sample", "2x2")
    f["arithmetic_restarts"] = cjpeg(a, "-arithmetic", "-sample", "2x1", "-restart", "2B")
    f["arithmetic_progressive"] = cjpeg(a, "-arithmetic", "-progressive", "-sample", "2x2", "-restart", "1")
    f["scans"] = cjpeg(a, "-sample", "2x2", scans="0;\n1;\n2;\n")
    f["restarts"] = pillow(a, restart_marker_blocks=2, subsampling=0)
    f["quality_1"] = pillow(a, quality=1, subsampling=1)
    f["quality_100"] = pillow(a, quality=100, subsampling=0)
    f["rgb"] = pillow(a, keep_rgb=True)
    f["rgb_names"] = without(cjpeg(a, "-rgb"), 0xEE)
    f["cmyk"] = pillow(k)
    f["ycck"] = patched(f["cmyk"], 0xEE, 4 + 11, 2)
    f["ycck_2x2"] = patched(f["ycck"], 0xC0, 11, 0x22)  # damaged too: the data is that of 1x1
    f["progressive_tiny"] = cjpeg(picture(12, 9, 3, 5), "-progressive", "-sample", "2x1", "-restart", "1")
    f["arithmetic_tiny"] = cjpeg(picture(10, 9, 3, 5), "-arithmetic", "-sample", "1x2", "-restart", "1B")
    f["cmyk_tiny"] = pillow(picture(9, 10, 4, 5), optimize=True)
    f["wide_tables"] = wide_tables(pillow(a, quality=50))
    f["no_tables"] = without(pillow(a), 0xC4)
    f["large_steps"] = patched(wide_tables(pillow(a, quality=90)), 0xDB, 6, 0x27)
    for p in range(1, 8):
        f["lossless_%d" % p] = lossless(picture(9, 7, 3 if p % 2 else 1, p), p, p % 3, 2 if p == 5 else 0)
    f["lossless_scans"] = lossless(picture(9, 7, 3, 8), 4, 0, 3, apart=True)
    for w, h in [(1, 1), (2, 3), (3, 2), (4, 17), (5, 8), (17, 1)]:
        f["size_%dx%d" % (w, h)] = pillow(picture(w, h, 3, w), subsampling=2)
    return f


def damaged(f):
    """name -> file, made of those by damage."""
    out = {}
    rng = random.Random(7)
    for name in ["s_2x2", "s_1x2", "progressive_2x2", "arithmetic", "arithmetic_progressive", "restarts", "scans", "lossless_5"]:
        data = f[name]
        start = segments(data)[-1][0] + 14
        at = rng.randrange(start, len(data) - 2)
        out[name + "_bit"] = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        out[name + "_gap"] = data[:at] + data[at + 9 :]
        out[name + "_ended"] = data[: start + (len(data) - start) // 2] + b"\xff\xd9"
        out[name + "_marker"] = data[:at] + bytes([0xFF, 0xD0 + rng.randrange(8)]) + data[at:]
    data = f["progressive_1x2"]
    scans = [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]
    for n in [1, 2, 4, 6]:
        out["progressive_%d_scans" % n] = data[: scans[n]] + b"\xff\xd9"
    data = f["arithmetic_progressive"]
    scans = [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]
    out["arithmetic_3_scans"] = data[: scans[3]] + b"\xff\xd9"
    data = f["restarts"]
    marks = [i for i in range(len(data) - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    out["restart_lost"] = data[: marks[1]] + data[marks[1] + 2 :]
    out["restarts_lost"] = data[: marks[1]] + data[marks[3] :]
    out["restart_twice"] = data[: marks[1]] + data[marks[1] : marks[1] + 2] + data[marks[1] :]
    out["no_end"] = f["s_2x2"][:-2]
    out["no_end_but_complete"] = f["gray_2x2"][:-2] + b"\x00" * 8
    out["cut"] = f["s_2x2"][: len(f["s_2x2"]) * 2 // 3]
    out["scan_behind"] = f["s_2x2"][:-2] + f["s_2x2"][segments(f["s_2x2"])[-1][0] :]
    return out


def result(data):
    try:
        im = Image.open(io.BytesIO(data), formats=["JPEG", "MPO"])
        im.load()
    except Exception:
        return "refused"
    if im.mode == "L":
        im = im.convert("RGB")
    a = np.asarray(im)
    return "%d %d %d %s" % (*im.size, a.shape[2], hashlib.sha256(a.tobytes()).hexdigest())


MUTATED = ["size_2x3", "progressive_tiny", "arithmetic_tiny", "lossless_scans", "cmyk_tiny"]


def mutations(data):
    out = ""
    for i in range(2, len(data)):
        for value in (0, 0xFF, data[i] ^ 1, data[i] ^ 0x10):
            changed = data[:i] + bytes([value]) + data[i + 1 :]
            try:
                w, h = Image.open(io.BytesIO(changed), formats=["JPEG", "MPO"]).size
            except Exception:
                w = h = 0
            if w * h > 1 << 16:
                out += ".."
                continue
            r = result(changed)
            out += "--" if r == "refused" else r.split()[3][:2]
    return out


def some(rng):
    """One random file, or nothing when the encoder refuses."""
    bands = rng.choice([1, 3, 3, 3, 4])
    w, h = (rng.randrange(1, rng.choice([18, 200, 200, 1200])) for _ in "wh")
    a = picture(w, h, bands, rng.randrange(1 << 30), rng.choice([0, 3, 40]))
    quality = rng.choice([1, 5, 20, 35, 50, 75, 85, 90, 95, 98, 100])
    yes = lambda p: rng.random() < p
    if bands == 4 or yes(0.4):
        o = dict(quality=quality, optimize=yes(0.3), progressive=yes(0.3), subsampling=rng.randrange(3))
        if yes(0.3):
            o["restart_marker_blocks"] = rng.randrange(1, 20)
        if bands == 3 and yes(0.2):
            o["keep_rgb"] = True
        try:
            data = pillow(a, **o)
        except OSError:
            return b""
        return patched(data, 0xEE, 15, 2) if bands == 4 and yes(0.5) else data
    o = ["-quality", str(quality), "-sample", rng.choice(SAMPLINGS)]
    if bands == 3 and yes(0.3):
        o[-1] = ",".join(rng.choice(SAMPLINGS[:7]) for _ in range(3))
    o += ["-grayscale"] * (bands == 1) + ["-arithmetic"] * yes(0.35) + ["-progressive"] * yes(0.35)
    o += ["-rgb"] * (bands == 3 and yes(0.15))
    if yes(0.3):
        o += ["-restart", rng.choice(["1", "2", "5B", "17B", "1B"])]
    return cjpeg(a, *o)


def main():
    if sys.argv[1:2] == ["--random"]:
        rng, n = random.Random(1), 0
        os.makedirs(sys.argv[3], exist_ok=True)
        while n < int(sys.argv[2]):
            if data := some(rng):
                open(os.path.join(sys.argv[3], "%04d.jpg" % n), "wb").write(data)
                n += 1
        return
    here = os.path.dirname(os.path.abspath(__file__))
    files = whole()
    files.update(damaged(files))
    with open(os.path.join(here, "golden.txt"), "w") as golden:
        for name, data in sorted(files.items()):
            if not data:
                raise SystemExit("not made: " + name)
            open(os.path.join(here, name + ".jpg"), "wb").write(data)
            golden.write("%s.jpg %s\n" % (name, result(data)))
    with open(os.path.join(here, "mutations.txt"), "w") as out:
        for name in MUTATED:
            out.write("%s.jpg %s\n" % (name, mutations(files[name])))


main()
