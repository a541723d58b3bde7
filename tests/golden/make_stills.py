"""Small picture files of all kinds, and what transformers' load_image (Pillow) reads from them."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from common import fresh_folder, generator, save_tensors

import torch
from transformers.image_utils import load_image

HEIGHT, WIDTH = 19, 27


def picture(height=HEIGHT, width=WIDTH):
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 6 + c) * np.cos(y / 4 - c) for c in range(3)], -1) * 100 + 128
    noise = torch.randn((height, width, 3), generator=generator("stills", height, width)).numpy() * 12
    return np.clip(waves + noise, 0, 255).astype(np.uint8)


RGB = picture()
GREY = RGB[..., 0]
ALPHA = ((np.mgrid[0:HEIGHT, 0:WIDTH].sum(0) * 9) % 256).astype(np.uint8)
RGBA = np.dstack([RGB, ALPHA])
DEEP = (RGB.astype(np.uint16) * 257 + np.arange(WIDTH, dtype=np.uint16)[None, :, None] * 3).astype(np.uint16)
FILES = {}


def add(name, image, **options):
    data = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(data, name.rsplit(".")[-1].replace("jpg", "jpeg").replace("tif", "tiff").replace("tifff", "tiff"), **options)
    FILES[name] = data.getvalue()


def exif(orientation, big=False):
    mark, order = (b"MM\0*", ">") if big else (b"II*\0", "<")
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def xmp(orientation):
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def jpegs():
    for name, sampling in ("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0"):
        add(f"{name}.jpg", RGB, quality=85, subsampling=sampling)
    add("large_420.jpg", picture(61, 83), quality=75)
    add("large_420_progressive.jpg", picture(61, 83), quality=75, progressive=True)
    add("grey.jpg", GREY, quality=85)
    add("dot.jpg", RGB[:1, :1])
    add("restarts.jpg", RGB, quality=85, restart_marker_blocks=1)
    add("not_converted.jpg", RGB, quality=85, keep_rgb=True)
    add("cmyk.jpg", Image.fromarray(np.dstack([RGB, ALPHA]), "CMYK"), quality=90)
    for orientation in range(1, 9):
        add(f"turned_{orientation}.jpg", RGB, quality=85, exif=b"Exif\0\0" + exif(orientation, orientation % 2 == 0))
    add("turned_9.jpg", RGB, quality=85, exif=b"Exif\0\0" + exif(9))
    add("xmp.jpg", RGB, quality=85, xmp=xmp(6))
    # bytes between segments, which decoders pass over
    plain = FILES["444.jpg"]
    FILES["padded.jpg"] = plain[:2] + b"\xff\xff" + plain[2:]
    # an inverted YCCK file: the Adobe segment of the CMYK one, with another transform
    cmyk = FILES["cmyk.jpg"]
    at = cmyk.index(b"Adobe") + 11
    FILES["ycck.jpg"] = cmyk[:at] + b"\2" + cmyk[at + 1:]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack(rows, bits):
    """Rows of values of 1 to 16 bits as PNG has them, each behind a filter byte."""
    packed = b""
    for row in rows:
        row = row.reshape(-1)
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            text = "".join(f"{int(value):0{bits}b}" for value in row)
            text += "0" * (-len(text) % 8)
            line = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        packed += b"\0" + line
    return packed


def png(pixels, bits, kind, extra=b"", interlaced=False, behind=b""):
    height, width = pixels.shape[:2]
    data = pack(pixels, bits)
    if interlaced:
        data = b""
        for x, y, across, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = pixels[y::down, x::across]
            if part.size:
                data += pack(part, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + behind
            + chunk(b"IEND", b""))


def pngs():
    palette = RGB.reshape(-1, 3)[::2][:256]
    index = np.mgrid[0:HEIGHT, 0:WIDTH].sum(0)
    for bits in 1, 2, 4, 8, 16:
        FILES[f"grey_{bits}.png"] = png((DEEP[..., 0] >> (16 - bits)), bits, 0)
        FILES[f"grey_{bits}_interlaced.png"] = png((DEEP[..., 0] >> (16 - bits)), bits, 0, interlaced=True)
    low = DEEP[..., 0] >> 7  # 16 bits, of which some pixels are below 256
    FILES["grey_16_dark.png"] = png(low, 16, 0)
    FILES["grey_8_transparent.png"] = png(GREY, 8, 0, chunk(b"tRNS", struct.pack(">H", int(GREY[3, 3]))))
    FILES["grey_16_transparent.png"] = png(low, 16, 0, chunk(b"tRNS", struct.pack(">H", int(low[3, 3]))))
    for bits in 1, 2, 4, 8:
        colours = chunk(b"PLTE", palette[:2 ** bits].tobytes())
        FILES[f"palette_{bits}.png"] = png(index % 2 ** bits, bits, 3, colours)
        FILES[f"palette_{bits}_alpha.png"] = png(index % 2 ** bits, bits, 3, colours + chunk(b"tRNS", bytes([0, 128])))
    FILES["palette_beyond.png"] = png(index % 9, 8, 3, chunk(b"PLTE", palette[:5].tobytes()))
    for bits, pixels in (8, RGB), (16, DEEP):
        FILES[f"rgb_{bits}.png"] = png(pixels, bits, 2)
        FILES[f"rgb_{bits}_interlaced.png"] = png(pixels, bits, 2, interlaced=True)
        alpha = ALPHA.astype(pixels.dtype)[..., None] * (257 if bits == 16 else 1)
        FILES[f"rgba_{bits}.png"] = png(np.dstack([pixels, alpha]), bits, 6)
        FILES[f"grey_alpha_{bits}.png"] = png(np.dstack([pixels[..., :1], alpha]), bits, 4)
    FILES["rgb_8_transparent.png"] = png(RGB, 8, 2, chunk(b"tRNS", struct.pack(">HHH", *map(int, RGB[2, 2]))))
    FILES["gamma.png"] = png(RGB, 8, 2, chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"bKGD", bytes(6)))
    FILES["exif.png"] = png(RGB, 8, 2, chunk(b"eXIf", exif(6, True)))
    FILES["exif_behind.png"] = png(RGB, 8, 2, behind=chunk(b"eXIf", exif(8)))
    FILES["xmp.png"] = png(RGB, 8, 2, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3)))
    profile = b"Exif\0\0" + exif(5)
    text = b"\nexif\n%8d\n" % len(profile) + profile.hex().encode() + b"\n"
    FILES["raw_profile.png"] = png(RGB, 8, 2, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))


def webps():
    add("lossy.webp", RGB, quality=80)
    add("lossless.webp", RGB, lossless=True)
    add("lossy_alpha.webp", RGBA, quality=80)
    add("lossless_alpha.webp", RGBA, lossless=True, exact=True)
    add("exif.webp", RGB, quality=80, exif=b"Exif\0\0" + exif(6))
    add("xmp.webp", RGB, quality=80, xmp=xmp(8))
    add("animated.webp", Image.fromarray(RGB), save_all=True, append_images=[Image.fromarray(255 - RGB)], duration=50)
    holes = RGBA.copy()
    holes[:8] = 0  # nothing to be seen above, so that the first frame is smaller than the canvas
    add("animated_part.webp", Image.fromarray(holes), save_all=True, lossless=True, minimize_size=True,
        append_images=[Image.fromarray(RGBA)], duration=50)


def bmp_header(pixels, bits, data, compression=0, masks=b"", colours=b"", height=None):
    size = 14 + 40 + len(masks) + len(colours)
    return (b"BM" + struct.pack("<IHHI", size + len(data), 0, 0, size)
            + struct.pack("<IiiHHIIiiII", 40, WIDTH, height or HEIGHT, 1, bits, compression, len(data), 2835, 2835,
                          len(colours) // 4, 0) + masks + colours + data)


def bmps():
    add("bits_1.bmp", Image.fromarray(GREY).convert("1"))
    add("grey.bmp", GREY)
    add("palette.bmp", Image.fromarray(RGB).quantize(64))
    add("rgb.bmp", RGB)
    add("rgba.bmp", RGBA)
    five = RGB.astype(np.uint16) >> 3
    pad = ((0, 0), (0, WIDTH % 2))
    lines = np.pad(five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2], pad)[::-1].astype("<u2").tobytes()
    FILES["bits_16.bmp"] = bmp_header(RGB, 16, lines)
    six = RGB.astype(np.uint16) >> 2
    lines = np.pad(five[..., 0] << 11 | six[..., 1] << 5 | five[..., 2], pad)[::-1].astype("<u2").tobytes()
    FILES["bits_565.bmp"] = bmp_header(RGB, 16, lines, 3, struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    rows = [row[:, ::-1].tobytes() + bytes(-3 * WIDTH % 4) for row in RGB]
    FILES["from_above.bmp"] = bmp_header(RGB, 24, b"".join(rows), height=-HEIGHT)
    core = b"".join(rows[::-1])
    FILES["core.bmp"] = (b"BM" + struct.pack("<IHHI", 26 + len(core), 0, 0, 26)
                         + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24) + core)
    colours = b"".join(bytes(c[::-1]) + b"\0" for c in RGB.reshape(-1, 3)[:16])
    index = np.mgrid[0:HEIGHT, 0:WIDTH].sum(0) // 5 % 16
    runs = b""
    for row in index[::-1]:
        at = 0
        while at < WIDTH:
            end = at
            while end < WIDTH and row[end] == row[at]:
                end += 1
            runs += bytes([end - at, int(row[at])])
            at = end
        runs += b"\0\0"
    FILES["runs.bmp"] = bmp_header(RGB, 8, runs + b"\0\1", 1, b"", colours)
    rows = [bytes(int(a) << 4 | int(b) for a, b in zip(row[::2], list(row[1::2]) + [0])) for row in index[::-1]]
    FILES["bits_4.bmp"] = bmp_header(RGB, 4, b"".join(row + bytes(-len(row) % 4) for row in rows), 0, b"", colours)


def gif(frames, size=(WIDTH, HEIGHT), table=b"", background=0):
    """frames: (left, top, indices, local table, transparent index, interlaced)."""

    def bits_of(table):
        return max(1, (len(table) // 3 - 1).bit_length()) - 1

    def blocks(data):
        return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"

    file = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80 | bits_of(table) if table else 0, background, 0) + table
    for left, top, indices, local, transparent, interlaced in frames:
        if transparent is not None:
            file += b"!\xf9\4" + struct.pack("<BHB", 1, 5, transparent) + b"\0"
        height, width = indices.shape
        flags = (0x80 | bits_of(local) if local else 0) | (0x40 if interlaced else 0)
        file += b"," + struct.pack("<HHHHB", left, top, width, height, flags) + local + b"\x08"
        if interlaced:
            indices = np.concatenate([indices[0::8], indices[4::8], indices[2::4], indices[1::2]])
        bits = count = 0
        for i, value in enumerate(indices.reshape(-1)):  # codes of 9 bits: cleared before they grow
            for code in ([256] if i % 200 == 0 else []) + [int(value)]:
                bits, count = bits | code << count, count + 9
        bits, count = bits | 257 << count, count + 9
        file += blocks(bits.to_bytes((count + 7) // 8, "little"))
    return file + b";"


def gifs():
    add("plain.gif", Image.fromarray(RGB).quantize(256))  # codes that grow
    add("grey.gif", GREY)
    still = Image.fromarray(picture(90, 100)).quantize(250)
    add("large.gif", still)  # more than 4096 codes
    table = RGB.reshape(-1, 3)[:16].tobytes()
    index = np.mgrid[0:HEIGHT, 0:WIDTH].sum(0) % 16
    part = index[:7, :9]
    FILES["transparent.gif"] = gif([(0, 0, index, b"", 3, False)], table=table)
    FILES["part.gif"] = gif([(5, 4, part, b"", None, False)], table=table, background=7)
    FILES["part_transparent.gif"] = gif([(5, 4, part, b"", 6, False)], table=table, background=7)
    FILES["beyond.gif"] = gif([(WIDTH - 3, HEIGHT - 2, part, b"", None, False)], table=table)
    FILES["interlaced.gif"] = gif([(0, 0, index, b"", None, True)], table=table)
    FILES["local.gif"] = gif([(0, 0, index, RGB.reshape(-1, 3)[40:56].tobytes(), None, False)], table=table)
    FILES["no_table.gif"] = gif([(0, 0, index * 16, b"", None, False)])
    FILES["animated.gif"] = gif([(0, 0, index, b"", 2, False), (0, 0, 15 - index, b"", 2, False)], table=table)
    FILES["beyond_table.gif"] = gif([(0, 0, index * 3, b"", None, False)], table=table)


def tiffs():
    for name in "raw", "tiff_lzw", "tiff_adobe_deflate", "packbits":
        add(f"rgb_{name.replace('tiff_', '')}.tif", RGB, compression=None if name == "raw" else name)
    add("rgb_jpeg.tif", RGB, compression="jpeg", quality=95)
    add("bits_1.tif", Image.fromarray(GREY).convert("1"))
    add("bits_1_group4.tif", Image.fromarray(GREY).convert("1"), compression="group4")
    add("grey.tif", GREY)
    add("grey_16.tif", DEEP[..., 0] >> 7)
    add("grey_float.tif", (GREY.astype(np.float32) - 20) * 1.3)
    add("palette.tif", Image.fromarray(RGB).quantize(64))
    add("rgba.tif", RGBA)
    add("cmyk.tif", Image.fromarray(RGBA, "CMYK"))
    for orientation in 3, 6, 7:
        add(f"turned_{orientation}.tif", RGB, tiffinfo={274: orientation})
    for order in "<", ">":
        name = "little" if order == "<" else "big"
        FILES[f"rgb_16_{name}.tif"] = tiff(DEEP.astype(order + "u2").tobytes(), order, {258: [16] * 3, 262: 2})
        FILES[f"grey_signed_{name}.tif"] = tiff((DEEP[..., 0] >> 7).astype(np.int16).astype(order + "i2").tobytes(), order,
                                                {258: 16, 262: 1, 339: 2})
    FILES["huge.tif"] = tiff(RGB.tobytes(), "<", {258: [8] * 3, 262: 2}, big=True)
    FILES["grey_32.tif"] = tiff((DEEP[..., 0].astype("<i4") - 20000).tobytes(), "<", {258: 32, 262: 1, 339: 2})
    for bits in 2, 4:
        rows = pack(GREY >> (8 - bits), bits)
        width = len(rows) // HEIGHT
        rows = b"".join(rows[y * width + 1:(y + 1) * width] for y in range(HEIGHT))  # without PNG's filter bytes
        for name, white in ("black", 1), ("white", 0):
            FILES[f"grey_{bits}_{name}_is_zero.tif"] = tiff(rows, "<", {258: bits, 262: white})
    FILES["grey_8_white_is_zero.tif"] = tiff(GREY.tobytes(), "<", {258: 8, 262: 0})
    FILES["cmyk_16.tif"] = tiff(np.dstack([DEEP, DEEP[..., :1]]).astype("<u2").tobytes(), "<", {258: [16] * 4, 262: 5})
    multiplied = np.dstack([(RGB.astype(int) * ALPHA[..., None] // 255).astype(np.uint8), ALPHA])
    FILES["rgba_multiplied.tif"] = tiff(multiplied.tobytes(), "<", {258: [8] * 4, 262: 2, 338: 1})
    planes = RGB.transpose(2, 0, 1)
    FILES["planes.tif"] = tiff(planes.tobytes(), "<", {258: [8] * 3, 262: 2, 284: 2, 273: [0, 1, 2], 279: [GREY.size] * 3})
    padded = np.zeros((32, 32, 3), np.uint8)
    padded[:HEIGHT, :WIDTH] = RGB
    tiles = b"".join(padded[y:y + 16, x:x + 16].tobytes() for y in (0, 16) for x in (0, 16))
    FILES["tiles.tif"] = tiff(tiles, "<", {258: [8] * 3, 262: 2, 322: 16, 323: 16, 324: [0, 1, 2, 3], 325: [768] * 4})


def tiff(data, order, tags, big=False):
    """One picture, in one strip unless tags say otherwise; the offsets 273 and 324 of several count parts of equal size."""
    samples = len(tags[258]) if isinstance(tags[258], list) else 1
    tags = {256: WIDTH, 257: HEIGHT, 259: 1, 277: samples, **tags}
    if 324 not in tags:
        tags = {273: [0], 278: HEIGHT, 279: [len(data)], **tags}
    start = 1024
    for offsets, sizes in (273, 279), (324, 325):
        if offsets in tags:
            tags[offsets] = [start + i * tags[sizes][0] for i in tags[offsets]]
    mark = {"<": b"II", ">": b"MM"}[order]
    file = mark + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8))
    file += struct.pack(order + ("Q" if big else "H"), len(tags))
    behind, place = b"", 700
    for tag, values in sorted(tags.items()):
        values = values if isinstance(values, list) else [values]
        letter = "I" if tag in (273, 279, 324, 325) else "H"
        packed = struct.pack(order + letter * len(values), *values)
        room = 8 if big else 4
        if len(packed) > room:
            value, behind = struct.pack(order + ("Q" if big else "I"), place + len(behind)), behind + packed
        else:
            value = packed.ljust(room, b"\0")
        file += struct.pack(order + ("HHQ" if big else "HHI"), tag, 4 if letter == "I" else 3, len(values)) + value
    file += bytes(8 if big else 4)
    return (file.ljust(place, b"\0") + behind).ljust(start, b"\0") + data


def pnms():
    def binary(kind, levels, pixels):
        wide = levels > 255
        return b"P%d\n# made for a test\n%d %d\n%d\n" % (kind, WIDTH, HEIGHT, levels) + pixels.astype(">u2" if wide else "u1").tobytes()

    def plain(kind, levels, pixels):
        head = f"P{kind} {WIDTH} # a comment\n{HEIGHT}\n" + (f"{levels}\n" if levels else "")
        return (head + "\n".join(" ".join(map(str, row.reshape(-1))) for row in pixels) + "\n").encode()

    bits = (GREY > 128).astype(int)
    FILES["plain.pbm"] = plain(1, None, bits)
    FILES["dense.pbm"] = f"P1\n{WIDTH} {HEIGHT}\n".encode() + "".join(map(str, bits.reshape(-1))).encode()
    FILES["binary.pbm"] = f"P4\n{WIDTH} {HEIGHT}\n".encode() + np.packbits(bits, axis=1).tobytes()
    for levels in 1, 7, 100, 255, 1000, 65535:
        grey = (DEEP[..., 0].astype(np.int64) >> (8 if levels == 65535 else 0)) * (levels + 1) >> 16
        colour = DEEP.astype(np.int64) * (levels + 1) >> 16
        FILES[f"binary_{levels}.pgm"] = binary(5, levels, grey)
        FILES[f"binary_{levels}.ppm"] = binary(6, levels, colour)
        FILES[f"plain_{levels}.pgm"] = plain(2, levels, grey)
        if levels in (7, 1000):
            FILES[f"plain_{levels}.ppm"] = plain(3, levels, colour)


def main():
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    for make in jpegs, pngs, webps, bmps, gifs, tiffs, pnms:
        make()
    folder = fresh_folder("stills")
    expected = {}
    for name, data in sorted(FILES.items()):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        expected[name] = torch.from_numpy(np.array(load_image(path)))
        assert expected[name].dtype == torch.uint8 and expected[name].shape[2] == 3
    save_tensors(os.path.join(folder, "expected.safetensors"), expected)
    print(len(FILES), "files of", sum(map(len, FILES.values())) // 1000, "kB")


if __name__ == "__main__":
    main()
