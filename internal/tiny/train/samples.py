"""The sample pictures in testdata/, drawn larger than the model's own size, which resizes them.

    python samples.py OUT
"""
import sys

from PIL import Image, ImageDraw, ImageFont

from synth import COLOURS, shape_mask

SIZE = (672, 560)  # resized to 168 x 140


def shapes(path, tint, objects):
    im = Image.new("RGB", SIZE, tint)
    for name, x, y, s in objects:
        colour, shape = name.split()
        im.paste(COLOURS[colour], (x, y), shape_mask(shape, s))
    im.save(path, optimize=True)


def digits(path, tint, ink, text):
    im = Image.new("RGB", SIZE, tint)
    f = ImageFont.truetype("DejaVuSans-Bold.ttf", 150)
    l, t, r, b = f.getbbox(text)
    ImageDraw.Draw(im).text(((SIZE[0] - r - l) / 2, (SIZE[1] - b - t) / 2), text, font=f, fill=ink)
    im.save(path, optimize=True)


if __name__ == "__main__":
    out = sys.argv[1]
    digits(f"{out}/digits.png", (238, 243, 252), (40, 75, 225), "40718")
    shapes(f"{out}/shapes.png", (252, 246, 238), [("green triangle", 60, 250, 250), ("blue square", 420, 90, 190)])
    shapes(f"{out}/scene.png", (255, 255, 255), [("red circle", 50, 60, 210), ("yellow star", 250, 290, 230), ("blue square", 470, 90, 150)])
