"""Makes odd and damaged pictures, each with what Pillow 13.0.0 makes of it.

    python make_odd.py OUT.gz KINDS COUNT SEED [LARGEST]

KINDS are letters: p PNG, g GIF, b BMP, w WebP, e EXIF and XMP. The first files of a kind take one oddity after the
other, the rest mix them; files of more than LARGEST bytes are left out. A record is: the name, a zero, the result, a
zero, the length as uint32, the file. The result is "WIDTHxHEIGHT crc32" of exif_transpose(im).convert("RGB"), or
"refuse" and the error's type. odd.gz was made with pgbwe 150 1 2000.
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
