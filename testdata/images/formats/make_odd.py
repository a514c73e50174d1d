"""Makes odd and damaged pictures, each with what Pillow 13.0.0 makes of it.

    python make_odd.py OUT.gz KINDS COUNT SEED [LARGEST]

KINDS are letters: p PNG, g GIF, b BMP, w WebP, e EXIF and XMP. The first files of a kind take one oddity after the
other, the rest mix them; files of more than LARGEST bytes are left out. A record is: the name, a zero, the result, a
zero, the length as uint32, the file. The result is "WIDTHxHEIGHT crc32" of exif_transpose(im).convert("RGB"), or
"refuse" and the error's type. odd.gz was made with pgbwe 100 1 900.
"""
import gzip, io, random, struct, sys, warnings, zlib
from PIL import Image, ImageOps
warnings.simplefilter('ignore')
KINDS = {}


def kind(letter):
    def keep(f):
        KINDS[letter] = f
        return f
    return keep


def result(data):
    try:
        im = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB')
        return '%dx%d %08x' % (*im.size, zlib.crc32(im.tobytes()))
    except Exception as e:
        return 'refuse ' + type(e).__name__


def noise(R, n):
    """Bytes with runs, so that codes and matches of all sorts come up."""
    out = bytearray()
    while len(out) < n:
        c = R.randrange(4)
        if c == 0:
            out += bytes(R.randrange(256) for _ in range(R.randint(1, 9)))
        elif c == 1:
            out += bytes([R.randrange(256)]) * R.randint(1, 40)
        elif c == 2 and out:
            d = R.randint(1, min(len(out), 50))
            for _ in range(R.randint(1, 30)):
                out.append(out[-d])
        else:
            out += bytes(R.randrange(5) for _ in range(R.randint(1, 20)))
    return bytes(out[:n])


# Orientation

def tiff(R, value=None, typ=None, count=None, endian=None, before=(), after=()):
    """An EXIF structure with the orientation, as entries of one directory."""
    e = endian or R.choice('<>')
    typ = typ or 3
    value = R.randint(0, 9) if value is None else value
    form = {1: 'B', 2: 'c', 3: 'H', 4: 'I', 5: 'II', 6: 'b', 7: 'B', 8: 'h', 9: 'i', 10: 'ii', 11: 'f', 12: 'd', 13: 'I', 16: 'Q'}.get(typ, 'H')
    count = 1 if count is None else count
    one = struct.pack(e + form, *([b'%d' % (value % 10)] if form == 'c' else [value, R.choice([1, 1, 2, 0])] if len(form) == 2 else [value]))
    blob = one * max(count, 1)
    entries = list(before) + [(0x112, typ, count, blob)] + list(after)
    at = 8 + 2 + 12 * len(entries) + 4
    body, extra = struct.pack(e + 'H', len(entries)), b''
    for tag, t, n, v in entries:
        body += struct.pack(e + 'HHI', tag, t, n)
        if len(v) > 4:
            body += struct.pack(e + 'I', at + len(extra))
            extra += v
        else:
            body += v.ljust(4, b'\0')
    return (b'II*\0' if e == '<' else b'MM\0*') + struct.pack(e + 'I', 8) + body + struct.pack(e + 'I', 0) + extra


def exif(R, how=None):
    how = R.randrange(16) if how is None else how
    if how == 0:
        return tiff(R)
    if how in (1, 2):
        return tiff(R, R.randint(1, 8), R.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 0, 99]), R.choice([1, 1, 1, 2, 3, 0]))
    if how == 3:
        return tiff(R, before=[(0x10f, 2, 9, b'A camera\0')], after=[(0x11a, 5, 1, struct.pack('<II', 72, 1)), (0x112, 3, 1, b'\3\0')])
    if how == 4:
        return R.choice([b'MM*\0', b'II\0*', b'MM\0+', b'II+\0', b'XX*\0', b'II*']) + tiff(R, endian='<')[4:]
    if how == 5:
        d = bytearray(tiff(R, 6))
        d[4:8] = struct.pack('<I' if d[:1] == b'I' else '>I', R.choice([0, 7, 9, 100, 2**31, 2**32 - 1]))
        return bytes(d)
    if how == 6:
        d = tiff(R, 6)
        return d[:R.randrange(len(d))]
    if how == 7:
        return noise(R, R.randrange(30))
    if how == 8:
        return b'Exif\0\0' * R.randrange(4) + tiff(R, 6)
    if how == 9:
        return tiff(R, 6, before=[(0x100, 4, R.choice([2**30, 2**31, 30]), b'\0\1\2\3'), (0x101, 77, 1, b'')])
    if how == 10:
        return tiff(R, 6, before=[(0x112, 1, 0, b''), (0x112, R.choice([1, 3, 99]), 1, b'\3\0')])
    if how == 11:
        return tiff(R, 6, after=[(0x8769, 4, 1, struct.pack('<I', 8)), (0x8825, 4, 1, struct.pack('<I', 8))])
    if how == 12:
        return tiff(R, 3, before=[(0x10e, 2, 200, b'x' * 40)])
    if how == 13:
        d = bytearray(tiff(R, 6))
        d[R.randrange(len(d))] ^= 1 << R.randrange(8)
        return bytes(d)
    if how == 14:
        return b''
    return tiff(R, R.choice([0, 9, 10, 256 + 6, 65535]), R.choice([3, 4]))


def xmp(R):
    d = R.randint(0, 9)
    return R.choice([
        '<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>', "<rdf:Description tiff:Orientation='%d'/>",
        '<tiff:Orientation>%d</tiff:Orientation>', '<tiff:Orientation> %d </tiff:Orientation>', 'tiff:Orientation = "%d"',
        'exif:Orientation="%d"', 'junk \xff\xfe\x00 tiff:Orientation="%d"', 'tiff:Orientation="" tiff:Orientation>%d',
        'tiff:Orientation="%d1"', '']).replace('%d', str(d)).encode('latin-1')


# PNG

def chunk(t, d, crc=None):
    return struct.pack('>I', len(d)) + t + d + (struct.pack('>I', zlib.crc32(t + d)) if crc is None else crc)


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
DEPTHS = [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3), (8, 4), (16, 4), (8, 6), (16, 6)]
BITS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png_rows(R, w, h, bits, interlaced):
    """The filtered rows, as a list."""
    rows = []
    for x, y, dx, dy in (ADAM7 if interlaced else [(0, 0, 1, 1)]):
        pw, ph = (w - x + dx - 1) // dx, (h - y + dy - 1) // dy
        if pw > 0 and ph > 0:
            rows += [bytes([R.randrange(5)]) + noise(R, (pw * bits + 7) // 8) for _ in range(ph)]
    return rows


def pack(R, raw):
    z = zlib.compressobj(R.choice([0, 1, 6, 9]), zlib.DEFLATED, R.choice([9, 15]), 8, R.choice([0, 0, 1, 2, 3, 4]))
    return z.compress(raw) + z.flush()


def split(R, d, t=b'IDAT', most=6):
    cuts = sorted(R.randint(0, len(d)) for _ in range(R.randrange(most)))
    return b''.join(chunk(t, d[a:b], R.choice([None, None, b'abcd'])) for a, b in zip([0] + cuts, cuts + [len(d)]))


PNG_ODD = ['plain', 'more', 'less', 'short', 'adler', 'cut', 'noend', 'tail', 'crc', 'anc', 'text', 'junkafter', 'apng', 'palette', 'trns', 'filter',
           'flip', 'flipdata', 'ihdr', 'chunkbetween', 'noplte', 'exif', 'xmp', 'rawexif', 'cutchunk', 'fdat', 'wbits', 'nodata', 'boundary', 'frame', 'big']


def png_text(R):
    """A text or metadata chunk, often broken."""
    bad = lambda d: d[:R.randrange(len(d) + 1)]
    z = zlib.compress(noise(R, R.choice([0, 20, 300])))
    c = R.randrange(16)
    if c == 0: return chunk(b'tEXt', R.choice([b'Comment\0hi', b'nozero', b'\0x', b'', b'xmp\0' + xmp(R), b'exif\0' + exif(R), b'XML:com.adobe.xmp\0' + xmp(R)]))
    if c == 1: return chunk(b'zTXt', R.choice([b'Comment\0\0', b'Comment\0\1', b'Comment', b'\0\0', b'Comment\0\0' + b'x']) + R.choice([z, bad(z), b'']))
    if c == 2: return chunk(b'iCCP', R.choice([b'name\0\0', b'name\0\1', b'name', b'', b'\0\0']) + R.choice([z, bad(z), noise(R, 9)]))
    if c == 3: return chunk(b'iCCP', b'big\0\0' + zlib.compress(bytes(R.choice([2**20 - 1, 2**20, 2**20 + 1, 2**21]))))
    if c == 4: return chunk(b'zTXt', b'big\0\0' + zlib.compress(bytes(R.choice([2**20, 2**20 + 1]))))
    if c == 5: return chunk(R.choice([b'gAMA', b'cHRM', b'sRGB', b'pHYs']), noise(R, R.choice([0, 1, 4, 9, 32, 40])))
    if c == 6: return chunk(R.choice([b'abCd', b'ABCD', b'a_0B', b'bKGD', b'sBIT', b'hIST', b'tIME']), noise(R, R.randrange(12)))
    if c == 7: return chunk(b'eXIf', exif(R))
    if c == 8: return chunk(b'iTXt', b'XML:com.adobe.xmp\0\0\0' + R.choice([b'\0\0', b'en\0k\0', b'\xff\0\0', b'\0']) + xmp(R))
    if c == 9: return chunk(b'iTXt', b'XML:com.adobe.xmp\0\1' + R.choice([b'\0\0\0', b'\0\0\0', b'\1\0\0']) + R.choice([zlib.compress(xmp(R)), bad(zlib.compress(xmp(R)))]))
    if c == 10:
        e = exif(R)
        h = R.choice([e.hex(), '\n'.join(e.hex()[i:i + 72] for i in range(0, len(e.hex()), 72)), ' '.join('%02x' % b for b in e), e.hex() + 'x', ' '.join(e.hex())])
        t = (R.choice(['\nexif\n%8d\n', '\nexif\n\n', '%d', '\nexif\n%d\n\n\n']).replace('%8d', '%8d' % len(e)).replace('%d', str(len(e))) + h + '\n').encode()
        return R.choice([chunk(b'tEXt', b'Raw profile type exif\0' + t), chunk(b'zTXt', b'Raw profile type exif\0\0' + zlib.compress(t)),
                         chunk(b'iTXt', b'Raw profile type exif\0\0\0\0\0' + t)])
    if c == 11: return chunk(R.choice([b'iTXt', b'zTXt']), R.choice([b'exif\0\0\0\0\0', b'xmp\0\0\0\0\0']) + xmp(R))
    if c == 12: return chunk(b'zTXt', b'XML:com.adobe.xmp\0\0' + zlib.compress(xmp(R)))
    if c == 13: return chunk(b'tRNS', noise(R, R.choice([0, 1, 2, 5, 6, 9])))
    if c == 14: return chunk(b'fcTL', struct.pack('>IIIIIHHBB', R.choice([0, 0, 1]), R.randint(0, 9), R.randint(0, 9), R.randint(0, 3), R.randint(0, 3), 1, 10, 0, 0))
    return chunk(b'acTL', struct.pack('>II', R.choice([0, 1, 2, 2**31, 2**31 + 1]), 0))


@kind('p')
def png(R, i):
    odd = {PNG_ODD[i % len(PNG_ODD)]} if i < 6 * len(PNG_ODD) else set(R.sample(PNG_ODD, R.randint(1, 3)))
    depth, color = R.choice(DEPTHS)
    if odd & {'palette', 'noplte'}: color, depth = 3, R.choice([1, 2, 4, 8])
    if odd & {'trns'}: depth, color = R.choice(DEPTHS[:11])
    w, h, lace = R.randint(1, 20), R.randint(1, 20), R.randrange(4) == 0
    fw, fh, x, y = w, h, 0, 0
    head = b''
    if 'frame' in odd:
        fw, fh = R.randint(1, w), R.randint(1, h)
        x, y = R.randint(0, w - fw), R.randint(0, h - fh)
        head = chunk(b'acTL', struct.pack('>II', R.choice([1, 2, 3]), 0)) + chunk(b'fcTL', struct.pack('>IIIIIHHBB', 0, fw, fh, x, y, 1, 10, R.randrange(3), R.randrange(2)))
    rows = png_rows(R, fw, fh, depth * BITS[color], lace)
    if 'big' in odd:
        w, h, depth, color, lace = 300, 260, 8, 2, False
        fw, fh = w, h
        head = b''
        rows = [bytes([R.randrange(5)]) + R.randbytes(900) for _ in range(h)]
    if 'less' in odd: rows = rows[:R.randrange(len(rows) + 1)]
    if 'filter' in odd and rows: rows[R.randrange(len(rows))] = bytes([R.randint(5, 255)]) + rows[-1][1:]
    raw = b''.join(rows)
    if 'short' in odd: raw = raw[:R.randrange(len(raw) + 1)]
    if 'more' in odd: raw += noise(R, R.randint(1, 40))
    d = pack(R, raw)
    if 'adler' in odd: d = d[:-4] + R.choice([b'abcd', d[-4:-1] + b'x', b'', d[-4:-2]])
    if 'cut' in odd: d = d[:R.randrange(len(d) + 1)]
    if 'tail' in odd: d += noise(R, R.randint(1, 30))
    if 'flipdata' in odd and d:
        d = bytearray(d); d[R.randrange(len(d))] ^= 1 << R.randrange(8); d = bytes(d)
    if 'wbits' in odd: d = R.choice([b'\x78\x9c', b'\x08\x1d', b'\x88\x1c', b'\x78\x20', b'\x79\x9b', b'\x78\xbb', b'\x18\x19']) + d[2:]
    ihdr = struct.pack('>IIBBBBB', w, h, depth, color, 0, 0, int(lace))
    if 'ihdr' in odd:
        ihdr = R.choice([ihdr[:8] + bytes([R.randrange(17), R.randrange(8)]) + ihdr[10:], ihdr[:12], ihdr + b'more', ihdr[:10] + bytes([R.randrange(2), R.randrange(2), R.randrange(3)]),
                         struct.pack('>II', R.choice([0, 2**31, w]), R.choice([0, 2**32 - 1, h])) + ihdr[8:]])
    parts = [chunk(b'IHDR', ihdr)]
    if 'anc' in odd: parts += [png_text(R) for _ in range(R.randint(1, 3))]
    if color == 3 and 'noplte' not in odd:
        parts.append(chunk(b'PLTE', noise(R, R.choice([3, 4, 5, 30, 766, 768, 769, 770, 771, 900, 0, 1]) if 'palette' in odd else 3 << depth)))
    if 'trns' in odd: parts.append(chunk(b'tRNS', R.choice([noise(R, R.choice([0, 1, 2, 5, 6, 7, 30, 256, 300])), b'\xff' * R.randrange(9) + b'\0'])))
    if odd & {'exif'}: parts.append(chunk(b'eXIf', exif(R)))
    if odd & {'xmp'}: parts.append(chunk(b'iTXt', b'XML:com.adobe.xmp\0' + (b'\0\0\0\0' + xmp(R) if R.randrange(2) else b'\1\0\0\0' + zlib.compress(xmp(R)))))
    if 'apng' in odd:
        parts.append(chunk(b'acTL', struct.pack('>II', R.choice([1, 1, 2, 0]), 0)))
        if R.randrange(2): parts.append(chunk(b'fcTL', struct.pack('>IIIIIHHBB', R.choice([0, 0, 0, 1]), w, h, 0, 0, 1, 10, 0, 0)))
    parts.append(head)
    if 'fdat' in odd:
        n = 1 if head or 'apng' in odd else R.choice([0, 1])
        cut = R.randint(0, len(d))
        parts.append(R.choice([b'', chunk(b'fcTL', struct.pack('>IIIIIHHBB', 0, w, h, 0, 0, 1, 10, 0, 0))]))
        parts += [chunk(b'fdAT', struct.pack('>I', n) + d[:cut]), chunk(R.choice([b'fdAT', b'fdAT', b'IDAT', b'DDAT']), struct.pack('>I', n + R.choice([1, 1, 2])) + d[cut:])]
    elif 'boundary' in odd:
        cut = max(0, len(d) - R.randrange(12))
        parts += [chunk(b'IDAT', d[:cut]), chunk(R.choice([b'IDAT', b'IDAT', b'DDAT']), d[cut:])]
    elif 'big' in odd:
        parts.append(R.choice([chunk(b'IDAT', d), split(R, d)]))
    elif 'nodata' not in odd:
        parts.append(split(R, d))
    if 'chunkbetween' in odd: parts.insert(R.randint(1, len(parts)), png_text(R)); parts.append(split(R, d))
    if odd & {'text', 'rawexif'}: parts += [png_text(R) for _ in range(R.randint(1, 3))]
    if 'apng' in odd and R.randrange(2): parts += [chunk(b'fcTL', struct.pack('>IIIIIHHBB', 1, w, h, 0, 0, 1, 10, 0, 0)), chunk(b'fdAT', struct.pack('>I', 2) + d)]
    if 'noend' not in odd: parts.append(chunk(b'IEND', b''))
    if 'junkafter' in odd: parts.append(noise(R, R.randint(1, 40)))
    if 'crc' in odd:
        k = R.randrange(len(parts))
        if len(parts[k]) > 4: parts[k] = parts[k][:-4] + b'wxyz'
    b = b'\x89PNG\r\n\x1a\n' + b''.join(parts)
    if 'cutchunk' in odd: b = b[:R.randrange(8, len(b))]
    if 'flip' in odd:
        b = bytearray(b); b[R.randrange(8, len(b))] ^= 1 << R.randrange(8); b = bytes(b)
    return '-'.join(sorted(odd)), b


# GIF

def lzw(R, pixels, bits, end=True, clears=True):
    """Codes of the pixels, with strings shorter than they could be and clear codes now and then."""
    clear, out, acc, n = 1 << bits, bytearray(), 0, 0

    def put(code):
        nonlocal acc, n
        acc |= code << n
        n += size
        while n >= 8:
            out.append(acc & 255)
            acc >>= 8
            n -= 8
    size = bits + 1
    table, nxt = {}, clear + 2
    if R.randrange(9): put(clear)
    i, before = 0, None
    while i < len(pixels):
        code, k = pixels[i], 1
        stop = R.choice([1, 2, 50])
        while i + k < len(pixels) and k < stop and (code, pixels[i + k]) in table:
            code = table[code, pixels[i + k]]
            k += 1
        put(code)
        if before is not None and nxt < 4096:
            table[before, pixels[i]] = nxt
            if nxt == (1 << size) - 1 and size < 12: size += 1
            nxt += 1
        before = code
        i += k
        if clears and R.randrange(60) == 0:
            put(clear)
            size, table, nxt, before = bits + 1, {}, clear + 2, None
    if end: put(clear + 1)
    if n: out.append(acc & 255)
    return bytes(out)


def blocks(R, d, most=255):
    out = b''
    while d:
        n = R.choice([255, R.randint(1, most)])
        out += bytes([len(d[:n])]) + d[:n]
        d = d[n:]
    return out


GIF_ODD = ['plain', 'extra', 'noterm', 'notrailer', 'nopalette', 'ramp', 'local', 'localramp', 'transp', 'offset', 'larger', 'interlace', 'ext', 'junk', 'minsize',
           'flip', 'flipcodes', 'cut', 'few', 'random', 'empty', 'after', 'big', 'endearly', 'deferred', 'screen', 'gce']


def gif_ext(R):
    return R.choice([b'!\xfe' + blocks(R, noise(R, R.randrange(300))) + b'\0', b'!\xff\x0bNETSCAPE2.0\3\1\0\0\0', b'!\xff\x0bNETSCAPE2.0\0', b'!\xff\0', b'!\xfe\0', b'!\xf9\0',
                     b'!\x01\x0c' + bytes(12) + b'\3abc\0', b'!\x99\2ab\0', b'!\xff\x0bXMP DataXMP' + b'tiff:Orientation="6"' + b'\0', b'!\xff\x0bNETSCAPE2.0\2\1\0\0'])


@kind('g')
def gif(R, i):
    odd = {GIF_ODD[i % len(GIF_ODD)]} if i < 6 * len(GIF_ODD) else set(R.sample(GIF_ODD, R.randint(1, 3)))
    bits = R.randint(2, 8)
    if 'minsize' in odd: bits = R.choice([0, 1, 1, 2, 3, 7, 8, 9, 10, 11, 11, 12, 13, 200])
    w, h = R.randint(1, 24), R.randint(1, 24)
    if 'big' in odd: w, h, bits = R.randint(200, 400), R.randint(200, 300), 8
    if 'empty' in odd: w, h = R.choice([(0, 5), (5, 0), (0, 0)])
    sw, sh, x, y = w, h, 0, 0
    if 'offset' in odd:
        x, y = R.randint(0, 9), R.randint(0, 9)
        sw, sh = w + x + R.randint(0, 5), h + y + R.randint(0, 5)
    if 'larger' in odd: sw, sh, x = R.randint(0, w), R.randint(0, h), R.randint(0, 5)
    if 'screen' in odd: sw, sh = R.choice([(0, 0), (w + 3, 0), (65535, 1), (1, h)])
    n = R.randint(0, 7) if R.randrange(3) else max(min(bits, 8) - 1, 0)
    ramp = bytes(v for k in range(2 << n) for v in (k, k, k))
    table = noise(R, 6 << n)
    out = R.choice([b'GIF87a', b'GIF89a']) + struct.pack('<HH', sw, sh)
    if 'nopalette' in odd: out += bytes([R.randrange(128), R.randrange(256), 0])
    else: out += bytes([0x80 | n | R.randrange(8) << 4, R.randrange(256), 0]) + (ramp if 'ramp' in odd else table)
    if 'junk' in odd: out += R.choice([b'\0', b'\0\0\0', b'ab', b'\xff'])
    if 'ext' in odd: out += b''.join(gif_ext(R) for _ in range(R.randint(1, 3)))
    if odd & {'transp'}: out += b'!\xf9\4' + bytes([1 | R.randrange(8) << 2, 5, 0, R.choice([0, 1, 2, 200])]) + b'\0'
    if 'gce' in odd:
        for _ in range(R.randint(1, 2)):
            g = bytes([R.randrange(2) | R.randrange(8) << 2]) + noise(R, R.choice([0, 1, 2, 3, 3, 3, 5]))
            out += b'!\xf9' + bytes([len(g)]) + g + b'\0'
    if 'junk' in odd: out += R.choice([b'', b'\0', b'x'])
    flags, local = 0, b''
    if 'local' in odd: flags, local = 0x80 | n, noise(R, 6 << n)
    if 'localramp' in odd: flags, local = 0x80 | n, ramp
    if 'interlace' in odd: flags |= 0x40
    out += b',' + struct.pack('<HHHHB', x, y, w, h, flags) + local + bytes([bits])
    top = 1 << min(bits, 8)
    pixels = [v % top for v in noise(R, w * h)]
    if 'few' in odd: pixels = pixels[:R.randint(0, len(pixels))]
    if 'random' in odd or bits > 12: d = noise(R, R.randint(1, 400))
    else: d = lzw(R, pixels, bits, 'noterm' not in odd)
    if 'extra' in odd: d += noise(R, R.randint(1, 20))
    if 'endearly' in odd: d = lzw(R, pixels[:R.randint(0, len(pixels))], bits) + lzw(R, pixels, bits) if bits <= 12 else d
    if 'deferred' in odd and bits <= 12: d = lzw(R, pixels, bits, True, False)
    if 'flipcodes' in odd and d:
        d = bytearray(d); d[R.randrange(len(d))] ^= 1 << R.randrange(8); d = bytes(d)
    out += blocks(R, d)
    if 'noterm' not in odd: out += b'\0'
    if 'after' in odd: out += R.choice([gif_ext(R), noise(R, 30), b',' + struct.pack('<HHHHB', 0, 0, w, h, 0) + b'\2\1\5\0'])
    if 'notrailer' not in odd: out += b';'
    if 'big' in odd: out += noise(R, R.choice([0, 70000]))
    if 'cut' in odd: out = out[:R.randrange(6, len(out))]
    if 'flip' in odd:
        d = bytearray(out); d[R.randrange(5, min(len(d), 60))] ^= 1 << R.randrange(8); out = bytes(d)
    return '-'.join(sorted(odd)), out


# BMP

def runs(R, w, h, four, odd):
    """Run-length codes: mostly whole rows."""
    out = bytearray()
    y = 0
    while y < h:
        x = 0
        while x < w:
            c = R.randrange(8)
            if c == 0 and w - x >= 3:
                n = R.randint(3, min(w - x, 255)) if 'overrun' not in odd else R.randint(3, 12)
                m = (n + 1) // 2 if four else n
                out += bytes([0, n]) + noise(R, m)
                if len(out) % 2: out += b'\0'
            elif c == 1 and 'delta' in odd:
                n, up = R.randint(0, 4), R.choice([0, 0, 1, 2])
                out += bytes([0, 2, n, up])
                y += up
            else:
                n = R.randint(1, min(w - x, 255)) if 'overrun' not in odd else R.randint(1, 12)
                out += bytes([n, R.randrange(256)])
            x += n
        y += 1
        if R.randrange(12 if 'overrun' in odd else 1000): out += b'\0\0'
    if R.randrange(6): out += b'\0\1'
    return bytes(out)


BMP_ODD = ['plain', 'core', 'v2', 'v3', 'os2', 'v4', 'v5', 'masks', 'rle8', 'rle4', 'delta', 'overrun', 'gap', 'colors', 'topdown', 'ramp', 'two', 'cut', 'flip',
           'start', 'dib', 'bits', 'compression', 'negative', 'few', 'align']
MASKS = [(0xff0000, 0xff00, 0xff, 0), (0xff000000, 0xff0000, 0xff00, 0), (0xff000000, 0xff00, 0xff, 0), (0xff000000, 0xff0000, 0xff00, 0xff),
         (0xff, 0xff00, 0xff0000, 0xff000000), (0xff0000, 0xff00, 0xff, 0xff000000), (0xff000000, 0xff00, 0xff, 0xff0000), (0, 0, 0, 0),
         (0xff, 0xff00, 0xff0000, 0), (0x3ff00000, 0xffc00, 0x3ff, 0), (0xf800, 0x7e0, 0x1f, 0), (0x7c00, 0x3e0, 0x1f, 0), (0xf00, 0xf0, 0xf, 0)]


@kind('b')
def bmp(R, i):
    odd = {BMP_ODD[i % len(BMP_ODD)]} if i < 8 * len(BMP_ODD) else set(R.sample(BMP_ODD, R.randint(1, 3)))
    size = 40
    for name, n in (('core', 12), ('v2', 52), ('v3', 56), ('os2', 64), ('v4', 108), ('v5', 124)):
        if name in odd: size = n
    w, h = R.randint(1, 24), R.randint(1, 24)
    bits = R.choice([1, 4, 8, 16, 24, 32])
    rle = odd & {'rle8', 'rle4', 'delta', 'overrun', 'align'}
    if rle: bits = 4 if 'rle4' in odd or 'rle8' not in odd and R.randrange(2) else 8
    if odd & {'ramp', 'two', 'colors'}: bits = R.choice([1, 4, 8])
    if 'masks' in odd: bits = R.choice([16, 32, 32, 24])
    if 'bits' in odd: bits = R.choice([0, 2, 3, 5, 15, 16, 30, 33, 64, 65535])
    mode = 0
    if rle: mode = 2 if bits == 4 else 1
    if 'masks' in odd: mode = 3
    if 'compression' in odd: mode = R.choice([1, 2, 3, 4, 5, 6, 11, 99])
    colors = 0
    if 'colors' in odd: colors = R.choice([1, 2, 3, 1 << bits, 255, 256, 257, 300, 65536, 65537, 2**31])
    if 'two' in odd: colors = 2
    real = colors or (1 << bits if bits <= 8 else 0)
    real = min(real, 400)
    pad = 3 if size == 12 else 4
    pal = noise(R, pad * real)
    if 'few' in odd: pal = pal[:R.randint(0, len(pal))]
    if 'ramp' in odd: pal = b''.join(bytes([v & 255] * 3 + [R.choice([0, 0, 255])] * (pad - 3)) for v in ((0, 255) if real == 2 else range(real)))
    if 'two' in odd: pal = bytes([0, 0, 0, 0][:pad] + [255, 255, 255, 0][:pad]) if R.randrange(3) else pal
    mask = b''
    m = R.choice(MASKS)
    if bits == 16: m = R.choice(MASKS[-3:])
    if size == 40 and mode == 3: mask = struct.pack('<III', *m[:3])
    height = h
    if 'topdown' in odd: height = 2**32 - h
    if 'negative' in odd: height = R.choice([2**32 - h, 2**31, 2**31 + 5, 0, 2**32 - 2**24 - 1])
    if size == 12: head = struct.pack('<IHHHH', 12, w, height & 0xffff, R.choice([1, 0]), bits)
    else:
        head = struct.pack('<IIIHHIIiiII', size, w, height, R.choice([1, 1, 0]), bits & 65535, mode, 0, 2835, 2835, colors & (2**32 - 1), 0)
        if size >= 52: head += struct.pack('<III', *m[:3])
        if size >= 56: head += struct.pack('<I', m[3])
        head = head.ljust(size, b'\0')
    stride = (w * min(bits, 64) + 31) // 32 * 4
    d = runs(R, w, h, mode == 2, odd) if mode in (1, 2) else noise(R, stride * h)
    if 'align' in odd: d = d + b'\0' * 3
    gap = noise(R, R.randint(1, 9)) if 'gap' in odd else b''
    at = 14 + len(head) + len(mask) + len(pal) + len(gap)
    if 'start' in odd: at = R.choice([0, 14, 14 + size, at - 1, at + 1, 10**6, 2**32 - 1, 54, 13])
    out = (b'' if 'dib' in odd else b'BM' + struct.pack('<IHHI', R.choice([0, 99]), 0, 0, at)) + head + mask + pal + gap + d
    if 'cut' in odd: out = out[:R.randrange(2, len(out))]
    if 'flip' in odd:
        d = bytearray(out); d[R.randrange(2, min(len(d), 80))] ^= 1 << R.randrange(8); out = bytes(d)
    return '-'.join(sorted(odd)), out


# WebP

def riff(*parts, size=None):
    d = b'WEBP' + b''.join(parts)
    return b'RIFF' + struct.pack('<I', len(d) if size is None else size & 0xffffffff) + d


def wchunk(t, d, pad=True):
    return t + struct.pack('<I', len(d)) + d + (b'\0' if len(d) % 2 and pad else b'')


def still(R, w, h, lossless, alpha):
    """The picture chunks of a still picture."""
    im = Image.frombytes('RGBA' if alpha else 'RGB', (w, h), noise(R, w * h * (4 if alpha else 3)))
    b = io.BytesIO()
    im.save(b, 'WEBP', lossless=lossless, quality=R.choice([10, 50, 80, 95]), method=R.randrange(3), exact=True)
    d, at, out = b.getvalue(), 12, []
    while at < len(d):
        n = struct.unpack('<I', d[at + 4:at + 8])[0]
        if d[at:at + 4] in (b'ALPH', b'VP8 ', b'VP8L'): out.append((d[at:at + 4], d[at + 8:at + 8 + n]))
        at += 8 + n + n % 2
    return out


def vp8x(w, h, flags, n=10):
    return wchunk(b'VP8X', (struct.pack('<I', flags) + struct.pack('<I', w - 1)[:3] + struct.pack('<I', h - 1)[:3]).ljust(n, b'\0')[:n])


WEBP_ODD = ['plain', 'exif', 'xmp', 'noflag', 'after', 'size', 'pad', 'inside', 'anim', 'frame', 'canvas', 'alphaflag', 'order', 'two', 'flags', 'cut', 'flip', 'flipdata',
            'unknown', 'animchunk', 'emptychunk', 'simple', 'bits', 'offset', 'cutdata']


@kind('w')
def webp(R, i):
    odd = {WEBP_ODD[i % len(WEBP_ODD)]} if i < 6 * len(WEBP_ODD) else set(R.sample(WEBP_ODD, R.randint(1, 3)))
    w, h = R.randint(1, 40), R.randint(1, 40)
    pic = still(R, w, h, R.randrange(2), R.randrange(2))
    if 'flipdata' in odd:
        k = R.randrange(len(pic)); t, d = pic[k]; d = bytearray(d); d[R.randrange(len(d))] ^= 1 << R.randrange(8); pic[k] = t, bytes(d)
    if 'cutdata' in odd: pic[-1] = pic[-1][0], pic[-1][1][:R.randrange(len(pic[-1][1]))]
    if 'order' in odd: pic = pic[::-1]
    body = b''.join(wchunk(t, d) for t, d in pic)
    if 'two' in odd: body += body
    if 'emptychunk' in odd: body = R.choice([wchunk(b'ALPH', b''), wchunk(b'VP8 ', b''), wchunk(b'abcd', b'')]) + body
    flags = 0x10 if len(pic) > 1 or pic[0][0] == b'VP8L' else 0
    meta = b''
    if 'exif' in odd: meta, flags = meta + wchunk(b'EXIF', R.choice([b'', b'Exif\0\0']) + exif(R)), flags | 8
    if 'xmp' in odd: meta, flags = meta + wchunk(b'XMP ', xmp(R)), flags | 4
    if 'noflag' in odd: meta, flags = wchunk(b'EXIF', tiff(R, 6)), R.choice([0, 4, 8])
    if 'alphaflag' in odd: flags ^= 0x10
    if 'flags' in odd: flags = R.choice([1, 0x40, 0x80, 0x3c, 0x2, 0x100])
    cw, ch, x, y = w, h, 0, 0
    if 'canvas' in odd: cw, ch = w + R.randint(-1, 2) or 1, h + R.randint(-1, 2) or 1
    if 'unknown' in odd: meta = wchunk(R.choice([b'abcd', b'ICCP', b'ALPX']), noise(R, R.randrange(9))) + meta
    frame = odd & {'anim', 'frame', 'animchunk', 'offset', 'bits'}
    if frame:
        if 'canvas' not in odd: cw, ch = w + R.randint(0, 9), h + R.randint(0, 9)
        x, y = 2 * R.randint(0, (cw - w) // 2 if cw > w else 0), 2 * R.randint(0, (ch - h) // 2 if ch > h else 0)
        if 'offset' in odd: x += 2 * R.randint(0, 3)
        u = lambda v: struct.pack('<I', v)[:3]
        fr = lambda b: wchunk(b'ANMF', u(x // 2) + u(y // 2) + u(w - 1) + u(h - 1) + u(90) + bytes([R.randrange(4)]) + b)
        second = R.choice([body, body, b'', wchunk(b'abcd', b'x')])
        head = b'' if 'animchunk' in odd and R.randrange(2) else wchunk(b'ANIM', bytes([9, 8, 7, 6, 0, 0])[:R.choice([6, 6, 5, 4]) if 'animchunk' in odd else 6])
        body = head + fr(body + (wchunk(b'abcd', b'xyz') if 'bits' in odd else b'')) + (fr(second) if R.randrange(2) else b'')
        flags |= 2 if 'flags' not in odd else 0
    where = R.randrange(2)
    out = vp8x(cw, ch, flags, R.choice([9, 11, 12]) if 'size' in odd and R.randrange(2) else 10) + (meta + body if where else body + meta)
    if 'simple' in odd and not frame: out = body + R.choice([b'', wchunk(b'EXIF', tiff(R, 6)), wchunk(b'abcd', b'xy')])
    if 'inside' in odd: out += noise(R, R.randint(1, 20))
    n = None
    if 'size' in odd: n = 4 + len(out) + R.choice([-1, 1, -2, 2, 10, 2**31, -len(out)])
    out = riff(out, size=n)
    if 'pad' in odd: out = riff(*[wchunk(t, d, False) for t, d in pic[:1]])
    if 'after' in odd: out += noise(R, R.randint(1, 30))
    if 'cut' in odd: out = out[:R.randrange(16, len(out))]
    if 'flip' in odd:
        d = bytearray(out); d[R.randrange(12, min(len(d), 60))] ^= 1 << R.randrange(8); out = bytes(d)
    return '-'.join(sorted(odd)), out


# EXIF and XMP in files that are sound

@kind('e')
def oriented(R, i):
    w, h = R.randint(2, 6), R.randint(2, 6)
    im = Image.frombytes('RGB', (w, h), noise(R, 3 * w * h))
    e, x = exif(R, i % 16) if R.randrange(4) else b'', xmp(R) if R.randrange(2) or i % 3 == 0 else b''
    if R.randrange(3) == 0:
        b = io.BytesIO()
        im.save(b, 'JPEG', quality=90, **R.choice([{}, {}, {'dpi': (72, 72)}]))
        d = b.getvalue()
        seg = lambda t, v: b'\xff' + bytes([t]) + struct.pack('>H', len(v) + 2) + v
        parts = [seg(0xe1, b'Exif\0\0' + e)] if e or R.randrange(2) else []
        if x: parts.append(seg(0xe1, b'http://ns.adobe.com/xap/1.0/\0' + x))
        if R.randrange(9) == 0: parts.append(seg(0xe1, b'Exif\0\0' + exif(R)))
        R.shuffle(parts)
        return 'jpg%d' % (i % 16), d[:20] + b''.join(parts) + d[20:]
    if R.randrange(2):
        out = im.tobytes()
        rows = b''.join(b'\0' + out[3 * w * y:3 * w * (y + 1)] for y in range(h))
        z = R.randrange(2)
        parts = [chunk(b'eXIf', e)] if e or R.randrange(2) else []
        if x: parts.append(chunk(b'iTXt', b'XML:com.adobe.xmp\0' + (b'\1\0\0\0' + zlib.compress(x) if z else b'\0\0\0\0' + x)))
        R.shuffle(parts)
        parts.insert(R.randint(0, len(parts)), chunk(b'IDAT', zlib.compress(rows)))
        return 'png%d' % (i % 16), b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 2, 0, 0, 0)) + b''.join(parts) + chunk(b'IEND', b'')
    pic = b''.join(wchunk(t, d) for t, d in still(R, w, h, True, False))
    return 'webp%d' % (i % 16), riff(vp8x(w, h, 0x1c), pic, wchunk(b'EXIF', e) if e else b'', wchunk(b'XMP ', x) if x else b'')


def main():
    out, kinds, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    largest = int(sys.argv[5]) if len(sys.argv) > 5 else 1 << 30
    with gzip.GzipFile(out, 'wb', 9, mtime=0) as f:
        for letter in kinds:
            for i in range(count):
                R = random.Random('%s %d %d' % (letter, seed, i))
                name, data = KINDS[letter](R, i)
                if len(data) <= largest:
                    f.write(b'%s-%d-%s\0%s\0' % (letter.encode(), i, name.encode(), result(data).encode()) + struct.pack('<I', len(data)) + data)


if __name__ == '__main__':
    main()
