"""Still scenes as assets/training/captioner draws them: what the bundled captioner was trained on.

Its random draws are not repeated elsewhere. So a few scenes are stored with everything that was drawn for them, and of
many scenes the means and deviations of what a scene is made of.
"""

import os
import sys

from common import ROOT, fresh_folder, save_tensors

import torch

sys.path.insert(0, os.path.join(ROOT, "..", "..", "assets", "training", "captioner"))
from pictures import Painter
from scenes import Scenes, pick

STRIDE = 4  # every fourth pixel of every fourth row
SHOWN = 8
MANY = 40_000


def numbers_of(scenes, scene):
    """[n, numbers]: the same as tests/pipeline/evaluation/still_scenes/still_scene_test.cpp has, in its order."""
    drawn, missing, count, kind = (scene[k] for k in ("drawn", "missing", "count", "kind"))
    on, size, block = scene["on"], scene["size"], scene["block"]
    copies = (count * drawn).sum(1)
    first, shown = kind[:, 0], on.float()
    home = scenes.group_background[scenes.group[first]] == scene["background"]
    groups = len(scenes.pairs)
    pair = torch.stack([(scenes.group[first] == g) for g in range(groups)], 1)
    present = block[..., 2] > 0
    gap = torch.hypot(scene["x"][:, 0] - scene["x"][:, 1], scene["y"][:, 0] - scene["y"][:, 1])
    return torch.cat([torch.stack([
        drawn.sum(1), missing.sum(1), copies, (copies == scenes.sprites), home,
        (count * drawn == 3).sum(1), (size * shown).sum(1) / copies, (scene["x"] * shown).sum(1) / copies,
        (scene["y"] * shown).sum(1) / copies, torch.where(on[:, 1], gap, 0.0),
        (scene["angle"].square() * shown).sum(1) / copies, (scene["mirrored"] & on).sum(1),
        scene["horizon"] * scenes.world.has_ground[scene["background"]], scene["jitter"].square().mean((1, 2)),
        scene["murk"], (scene["opacity"] * shown).sum(1) / copies, scene["haze"], scene["blur"], scene["noise"],
        present.sum(1), (block[..., 2] * block[..., 3] * present).sum(1),
        torch.isin(first, scenes.pairs[:, 0].contiguous()), torch.isin(first, scenes.pairs[:, -1].contiguous()),
    ], 1).double(), pair.double()], 1)


def main():
    scenes = Scenes(seed=7)
    golden = {}
    for name, broken in (("usual", False), ("broken", True)):
        many = torch.cat([numbers_of(scenes, scenes.draw(MANY // 4, broken)) for _ in range(4)])
        golden[f"{name}/mean"], golden[f"{name}/deviation"] = many.mean(0), many.std(0)
    scene = scenes.draw(40)
    # Crowded and murky ones, small sprites and large ones, blocks.
    worth = scene["on"].sum(1) + 4 * (scene["block"][..., 2] > 0).sum(1) + 2 * scene["blur"]
    scene = pick(scene, worth.argsort(descending=True)[:SHOWN])
    picture, _ = Painter(scenes).draw(scene)
    golden["expected_picture"] = picture[..., ::STRIDE, ::STRIDE]
    for name in ("background", "horizon", "jitter", "sprite", "x", "y", "size", "angle", "opacity", "mirrored", "on",
                 "block", "haze", "blur"):
        golden[name] = scene[name]
    save_tensors(os.path.join(fresh_folder("still_scenes"), "golden.safetensors"), golden)


if __name__ == "__main__":
    main()
