#!/usr/bin/env python3
"""Writes familiar.safetensors of an exported folder: what features of known pictures look like, and where strangers begin.

    python familiar.py ../../checkpoints/emoji-llava

Mean and covariance of the projected features, averaged over a picture's tokens, of 1,800 scenes (usual, broken, frames of
videos); the threshold is the distance that 1 of 100 further known scenes exceeds. Prints how many of those, and of 50 textures
(waves, checks, noise, rings, ramps, cells, bricks, scribbles), lie beyond it.
"""
import argparse
import math
import pathlib

import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from transformers import AutoImageProcessor, LlavaForConditionalGeneration

from pictures import Painter
from scenes import Scenes

SIDE = 128


def texture(i, random):
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    a, b = random.integers(0, 256, 3), random.integers(0, 256, 3)
    kind = i % 10
    if kind == 6:  # cells
        points, colours = random.random((12, 2)), random.integers(0, 256, (12, 3))
        return colours[np.stack([np.hypot(x - u, y - v) for u, v in points]).argmin(0)].astype(np.uint8)
    if kind == 9:  # scribbles
        image = Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in a))
        draw = ImageDraw.Draw(image)
        for _ in range(30):
            draw.line([tuple(random.integers(0, SIDE, 2).tolist()) for _ in range(4)],
                      fill=tuple(int(v) for v in random.integers(0, 256, 3)), width=int(random.integers(1, 6)))
        return np.array(image)
    if kind == 0:
        t = (np.sin(2 * np.pi * (random.uniform(2, 20) * x + random.uniform(2, 20) * y)) + 1) / 2
    elif kind == 1:
        t = (np.floor(x * random.integers(2, 16)) + np.floor(y * random.integers(2, 16))) % 2
    elif kind == 2:  # clouds
        t = np.zeros((SIDE, SIDE))
        for octave in range(1, 7):
            grid = Image.fromarray((random.random((2 ** octave, 2 ** octave)) * 255).astype(np.uint8))
            t += np.array(grid.resize((SIDE, SIDE), Image.BICUBIC)) / 255 / 2 ** octave
        t = (t - t.min()) / (t.max() - t.min())
    elif kind == 3:
        t = random.random((SIDE, SIDE))
    elif kind == 4:
        t = (np.sin(40 * np.hypot(x - random.random(), y - random.random())) + 1) / 2
    elif kind == 5:
        t = x * random.random() + y * random.random()
        t = t / t.max()
    elif kind == 7:  # bricks
        across, down = (x * 4 + 0.5 * (np.floor(y * 8) % 2)) % 1, (y * 8) % 1
        t = ((across > 0.06) & (down > 0.1)) * (0.7 + 0.3 * random.random((SIDE, SIDE)))
    else:
        t = np.zeros((SIDE, SIDE))
    return (a * t[..., None] + b * (1 - t[..., None])).clip(0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--textures", type=pathlib.Path, help="also write the 50 textures into this folder, as .png")
    args = parser.parse_args()
    model = LlavaForConditionalGeneration.from_pretrained(args.folder, dtype=torch.float32).eval()
    processor = AutoImageProcessor.from_pretrained(args.folder)
    scenes = Scenes("cpu", 5)
    painter = Painter(scenes)

    @torch.no_grad()
    def pooled(pictures):
        parts = []
        for i in range(0, len(pictures), 50):
            pixels = processor([Image.fromarray(p) for p in pictures[i:i + 50]], return_tensors="pt")["pixel_values"]
            hidden = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
            parts.append(model.model.multi_modal_projector(hidden).mean(1))
        return torch.cat(parts)

    def drawn(scene):
        return [p.permute(1, 2, 0).contiguous().numpy() for p in painter.render(scene)[0]]

    known = [pooled(drawn(s)) for s in (scenes.draw(900), scenes.draw(300, broken=True), scenes.frames(600))]
    known = torch.cat(known)
    mean, covariance = known.mean(0), torch.cov(known.T)
    covariance += 1e-4 * known.var(0).mean() * torch.eye(len(mean))
    whitening = torch.linalg.inv(torch.linalg.cholesky(covariance.double())).float()

    def distance(features):
        return ((features - mean) @ whitening.T).norm(dim=1) / math.sqrt(len(mean))

    further = [distance(pooled(drawn(s))) for s in (scenes.draw(400), scenes.draw(200, broken=True), scenes.frames(300))]
    threshold = torch.cat(further).quantile(0.99)
    random = np.random.default_rng(3)
    textures = [texture(i, random) for i in range(50)]
    if args.textures:
        args.textures.mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(textures):
            Image.fromarray(picture).save(args.textures / f"texture-{i:02}.png")
    strange = distance(pooled(textures))
    print(f"threshold {threshold:.3f}; of 900 known scenes {int((torch.cat(further) > threshold).sum())} beyond, of 50 textures "
          f"{int((strange > threshold).sum())}")
    save_file({"mean": mean.contiguous(), "whitening": whitening.contiguous(), "threshold": threshold.view(1)},
              args.folder / "familiar.safetensors")


if __name__ == "__main__":
    main()
