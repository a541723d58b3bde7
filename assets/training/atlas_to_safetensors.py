#!/usr/bin/env python3
"""Copies a world folder, its sprite atlas as a tensor: for builds of reel that read no pictures.

    python atlas_to_safetensors.py ../world /tmp/world
    reel eval world --world /tmp/world

Writes OUT/world.json, which names the new atlas and is otherwise the same, OUT/sprites.safetensors with the tensor
`atlas`: uint8 [H, W, 4], straight alpha, and copies pairs.json if there is one. Needs Pillow.
"""
import argparse
import json
import pathlib
import shutil
import struct

from PIL import Image


def safetensors(name, shape, data):
    """A file of one uint8 tensor: length of the header, header, data (https://github.com/huggingface/safetensors)."""
    header = json.dumps({name: {"dtype": "U8", "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", type=pathlib.Path, help="folder with world.json and the picture that it names")
    parser.add_argument("out", type=pathlib.Path, help="folder to write; made if it does not exist")
    args = parser.parse_args()
    world = json.loads((args.world / "world.json").read_text(encoding="utf-8"))
    if args.out.exists() and args.out.samefile(args.world):
        raise SystemExit(f"{args.out} is the folder that is read; name another one")
    picture = Image.open(args.world / world["atlas"]["file"]).convert("RGBA")
    args.out.mkdir(parents=True, exist_ok=True)
    world["atlas"]["file"] = "sprites.safetensors"
    (args.out / "sprites.safetensors").write_bytes(
        safetensors("atlas", [picture.height, picture.width, 4], picture.tobytes()))
    (args.out / "world.json").write_text(json.dumps(world, indent=1) + "\n", encoding="utf-8")
    if (args.world / "pairs.json").exists():
        shutil.copyfile(args.world / "pairs.json", args.out / "pairs.json")


if __name__ == "__main__":
    main()
