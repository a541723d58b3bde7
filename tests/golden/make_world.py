"""Scenes of the emoji world as assets/training/world.py renders them: what the bundled models were trained on.

Its random draws are not repeated elsewhere, so each scene is stored with what it drew: the take (cx, cy, size,
travel_x, travel_y, hop of each object, from its trajectory), the horizon and the colours' jitter.
"""

import json
import os
import sys

from common import ROOT, fresh_folder, save_tensors

import torch

sys.path.insert(0, os.path.join(ROOT, "..", "..", "assets", "training"))
from world import World

# Object, motion (twice for scenes of two), background: every motion and every background occurs.
SCENES = [
    ([0], [0], 0), ([47], [2], 6), ([55], [5], 4), ([16], [6], 5), ([63], [7], 2),
    ([48, 17], [1, 4], 3), ([1, 54], [3, 8], 1), ([61, 56], [4, 5], 7),
]
FRAMES = (0, 6, 15)
STRIDE = 4  # every fourth pixel of every fourth row: a wrong place shows as well as in all of them


def takes_of(world, scene):
    """[n, 2, 6]: the draws that the stored trajectories come from."""
    x, y, size = scene["x"], scene["y"], scene["size"]
    dx, dy, hop, spin, grow = world.coefficients[scene["motion"]].unbind(-1)
    middle = (world.frames - 1) / 2
    cx = (x[..., 0] + x[..., -1]) / 2
    cy = (y[..., 0] + y[..., -1]) / 2
    t = round(middle / 2)
    arc = abs(torch.sin(torch.tensor(torch.pi * world.spec["hops_per_clip"] * t / (world.frames - 1))))
    height = torch.where(hop > 0, (y[..., 0] - y[..., t]) / arc, 0.0)
    return torch.stack([cx, cy, (size[..., 0] + size[..., -1]) / 2, (x[..., -1] - x[..., 0]).abs(),
                        (y[..., -1] - y[..., 0]).abs(), height], -1)


def main():
    world = World(seed=7)
    pad = lambda values: values + values[:1] if len(values) == 1 else values
    scene = world.animate({
        "count": torch.tensor([len(objects) for objects, _, _ in SCENES]),
        "object": torch.tensor([pad(objects) for objects, _, _ in SCENES]),
        "motion": torch.tensor([pad(motions) for _, motions, _ in SCENES]),
        "background": torch.tensor([background for _, _, background in SCENES]),
    })
    picked = torch.tensor(FRAMES).expand(len(SCENES), -1)
    video = (world.render(scene, picked) + 1) / 2
    golden = {
        "take": takes_of(world, scene),
        "horizon": scene["horizon"],
        "jitter": scene["jitter"],
        "expected_pose": torch.stack([scene[key] for key in ("x", "y", "size", "angle")], -1),
        "expected_frames": video[..., ::STRIDE, ::STRIDE],
    }
    notes = {"prompts": json.dumps(world.captions(scene))}  # one entry: the order of several would not be fixed
    save_tensors(os.path.join(fresh_folder("world"), "golden.safetensors"), golden, notes)


if __name__ == "__main__":
    main()
