#!/usr/bin/env python3
"""Draws the sprite atlas of the emoji world and writes its description.

    python make_sprites.py --font NotoColorEmoji.ttf --out ../world

Writes sprites.png (RGBA, straight alpha, 64x64 cells, row-major in the order of
world.json) and world.json (everything a renderer or an evaluator needs to know;
the formulas are in assets/world/README.md).
"""
import argparse
import json
import math
import pathlib

from PIL import Image, ImageDraw, ImageFont

CELL, COLUMNS, STRIKE = 64, 8, 109  # 109 is the only bitmap size the font holds

# Chosen so that every pair stays distinguishable when drawn about 40 pixels wide.
OBJECTS = {
    "dog": "🐕", "cat": "🐈", "cow": "🐄", "pig": "🐖", "horse": "🐎", "globe": "🌍",
    "bear": "🐻", "panda": "🐼", "lion": "🦁", "fox": "🦊", "frog": "🐸", "diamond": "💎",
    "chicken": "🐓", "penguin": "🐧", "bird": "🐦", "duck": "🦆", "owl": "🦉",
    "dolphin": "🐬", "octopus": "🐙", "turtle": "🐢", "butterfly": "🦋", "bee": "🐝",
    "ladybug": "🐞", "elephant": "🐘", "crab": "🦀", "unicorn": "🦄", "parrot": "🦜",
    "rose": "🌹", "cactus": "🌵", "mushroom": "🍄", "apple": "🍎", "banana": "🍌",
    "watermelon": "🍉", "pizza": "🍕", "hamburger": "🍔", "cake": "🎂", "donut": "🍩",
    "pineapple": "🍍", "carrot": "🥕", "tree": "🌲", "rainbow": "🌈", "pumpkin": "🎃",
    "car": "🚗", "bus": "🚌", "truck": "🚚", "train": "🚂", "airplane": "✈",
    "rocket": "🚀", "boat": "⛵", "helicopter": "🚁", "tractor": "🚜", "gift": "🎁",
    "football": "⚽", "basketball": "🏀", "balloon": "🎈", "star": "⭐", "heart": "❤",
    "house": "🏠", "umbrella": "☂", "guitar": "🎸", "clock": "🕐", "robot": "🤖",
    "ghost": "👻", "snowman": "⛄",
}
AN = {"owl", "octopus", "elephant", "apple", "airplane", "umbrella"}

# Coefficients of the trajectory formulas; what is absent is zero.
MOTIONS = [
    {"name": "moving left", "dx": -1},
    {"name": "moving right", "dx": 1},
    {"name": "moving up", "dy": -1},
    {"name": "moving down", "dy": 1},
    {"name": "bouncing", "hop": 1},
    {"name": "spinning", "spin": round(math.pi, 6)},
    {"name": "growing", "grow": 0.4},
    {"name": "shrinking", "grow": -0.4},
    {"name": "standing still"},
]
STARS = [[.10, .12, .9], [.28, .30, .6], [.45, .08, .8], [.63, .22, .6], [.84, .10, .9],
         [.92, .38, .6], [.07, .52, .7], [.16, .82, .9], [.38, .93, .6], [.55, .72, .5],
         [.72, .88, .9], [.90, .70, .7]]
BACKGROUNDS = [
    {"name": "on grass", "top": [.45, .75, 1.0], "bottom": [.75, .92, 1.0], "ground": [.28, .66, .22]},
    {"name": "in the desert", "top": [.60, .82, .92], "bottom": [1.0, .90, .66], "ground": [.88, .66, .32]},
    {"name": "in the snow", "top": [.62, .70, .82], "bottom": [.84, .89, .94], "ground": [.97, .98, 1.0]},
    {"name": "at sea", "top": [.35, .66, .96], "bottom": [.75, .90, 1.0], "ground": [.05, .30, .62]},
    {"name": "at night", "top": [.04, .06, .26], "bottom": [.14, .20, .48], "ground": [.05, .10, .09]},
    {"name": "at sunset", "top": [.38, .16, .52], "bottom": [1.0, .56, .22], "ground": [.24, .11, .16]},
    {"name": "in space", "top": [.01, .01, .04], "bottom": [.10, .03, .15], "ground": None, "stars": STARS},
    {"name": "on a pink wall", "top": [1.0, .72, .80], "bottom": [.98, .82, .86], "ground": None},
]
# Ranges are [low, high] of a uniform draw, in units of the frame's side.
LAYOUTS = {
    "one": {"slots": [{"cx": [.44, .56]}], "size": [.36, .46], "cy": [.44, .56],
            "floor": [.66, .72], "travel_x": [.42, .54], "travel_y": [.42, .54], "hop": [.30, .38]},
    "two": {"slots": [{"cx": [.23, .29]}, {"cx": [.71, .77]}], "size": [.30, .36], "cy": [.42, .58],
            "floor": [.66, .72], "travel_x": [.18, .26], "travel_y": [.40, .52], "hop": [.30, .38]},
}


def draw(emoji, font):
    """One emoji, cropped to what is visible, centred in a square cell."""
    image = Image.new("RGBA", (136, 136), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((0, 4), emoji, font=font, embedded_color=True)
    box = image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    if box is None:
        raise SystemExit(f"the font does not draw {emoji!r}")
    image = image.crop(box)
    side = max(image.size)
    cell = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    cell.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return cell.resize((CELL, CELL), Image.LANCZOS)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", default="/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "world")
    args = parser.parse_args()
    font = ImageFont.truetype(args.font, STRIKE)
    rows = -(-len(OBJECTS) // COLUMNS)
    atlas = Image.new("RGBA", (COLUMNS * CELL, rows * CELL), (0, 0, 0, 0))
    for i, emoji in enumerate(OBJECTS.values()):
        atlas.paste(draw(emoji, font), (i % COLUMNS * CELL, i // COLUMNS * CELL))
    args.out.mkdir(parents=True, exist_ok=True)
    atlas.save(args.out / "sprites.png", optimize=True)
    world = {
        "format": "emoji-world/1",
        "frame": {"width": 128, "height": 128, "num_frames": 16, "fps": 8},
        "atlas": {"file": "sprites.png", "cell": CELL, "columns": COLUMNS, "rows": rows,
                  "alpha": "straight"},
        "prompt": {
            "one": "{article0} {object0} {motion0} {background}",
            "two": "{article0} {object0} {motion0} and {article1} {object1} {motion1} {background}",
            "note": "article is each object's own; 'a' is understood before every object",
        },
        "probability_two": 0.33,
        "objects": [{"name": n, "article": "an" if n in AN else "a"} for n in OBJECTS],
        "motions": MOTIONS,
        "hops_per_clip": 2,
        "backgrounds": BACKGROUNDS,
        "colour_jitter": 0.02,
        "horizon": [.64, .72],
        "horizon_sharpness": 40,
        "ground_shade": 0.2,
        "star_sigma": 0.012,
        "layouts": LAYOUTS,
    }
    text = json.dumps(world, ensure_ascii=False, indent=1)
    (args.out / "world.json").write_text(text + "\n", encoding="utf-8")
    print(len(OBJECTS), "objects", (args.out / "sprites.png").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
