#!/usr/bin/env python3
"""A small network that says which objects, motions and background a video shows.

    python judge.py --train --seconds 40 --out run/judge.safetensors

It is trained on rendered scenes, half of them blurred and noisy as generated videos may be. It is
a progress meter for training; the evaluator of the library is independent of it.
"""
import argparse
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from engine import Context
from world import World


class Judge(nn.Module):
    """Frames at 64 x 64 -> features -> logits; slot 1's last class means that no second object is there."""

    def __init__(self, objects=64, motions=9, backgrounds=8):
        super().__init__()

        def layer(a, b, stride=2):
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b), nn.ReLU())

        self.frame = nn.Sequential(layer(3, 32, 1), layer(32, 64), layer(64, 128), layer(128, 192), layer(192, 256),
                                   nn.Flatten(), nn.Linear(256 * 16, 384), nn.ReLU())
        self.time = nn.Sequential(nn.Conv1d(384, 256, 3, padding=1), nn.ReLU(),
                                  nn.Conv1d(256, 256, 3, padding=1), nn.ReLU(), nn.Flatten(),
                                  nn.Linear(256 * 16, 256), nn.ReLU())
        self.object = nn.ModuleList([nn.Linear(384, objects), nn.Linear(384, objects + 1)])
        self.motion = nn.ModuleList([nn.Linear(256, motions), nn.Linear(256, motions)])
        self.background = nn.Linear(384, backgrounds)

    def forward(self, video):
        """video [n, 16, 3, H, W] in [-1, 1] -> two object logits, two motion logits, background logits."""
        n, f = video.shape[:2]
        frames = F.interpolate(video.flatten(0, 1), size=(64, 64), mode="area")
        features = self.frame(frames).unflatten(0, (n, f))
        mean, path = features.mean(1), self.time(features.transpose(1, 2))
        return [h(mean) for h in self.object], [h(path) for h in self.motion], self.background(mean)


def degrade(video):
    """Blur and noise on a random half of the videos."""
    n, f, _, h, _ = video.shape
    size = int(torch.randint(28, 100, ()))
    blurred = F.interpolate(F.interpolate(video.flatten(0, 1), size=(size, size), mode="area"),
                            size=(h, h), mode="bilinear").unflatten(0, (n, f))
    blurred = blurred + 0.05 * torch.rand(n, 1, 1, 1, 1, device=video.device) * torch.randn_like(video)
    keep = (torch.rand(n, 1, 1, 1, 1, device=video.device) < 0.5).to(video.dtype)
    return keep * video + (1 - keep) * blurred


@torch.no_grad()
def score(judge, video, scene):
    """Shares that are right. Pairs: each named object, and its motion, in its own slot."""
    judge.eval()
    answers = [judge(part) for part in video.float().split(64)]
    objects = [torch.cat([a[0][k] for a in answers]).argmax(1) for k in (0, 1)]
    motions = [torch.cat([a[1][k] for a in answers]).argmax(1) for k in (0, 1)]
    background = torch.cat([a[2] for a in answers]).argmax(1)
    one, two = scene["count"] == 1, scene["count"] == 2
    hit = {k: [(got[i] == scene[k][:, i]).float() for i in (0, 1)]
           for k, got in (("object", objects), ("motion", motions))}
    result = {"background": (background == scene["background"]).float().mean().item()}
    for name in ("object", "motion"):
        if one.any():
            result[f"one.{name}"] = hit[name][0][one].mean().item()
        if two.any():
            result[f"two.{name}"] = torch.cat([h[two] for h in hit[name]]).mean().item()
    if one.any():
        result["one.motions"] = {m: [round(hit["motion"][0][one & (scene["motion"][:, 0] == m)].mean().item(), 2),
                                     round(hit["object"][0][one & (scene["motion"][:, 0] == m)].mean().item(), 2)]
                                 for m in range(9) if (one & (scene["motion"][:, 0] == m)).any()}
    if two.any():
        result["two.both objects"] = (hit["object"][0] * hit["object"][1])[two].mean().item()
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in result.items()}


def load_judge(path, device):
    judge = Judge()
    judge.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
    return judge.to(device).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--batch", type=int, default=48)
    args = parser.parse_args()
    context = Context()
    torch.manual_seed(7)
    world = World(context.device, 77)
    judge = Judge().to(context.device)
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-3, weight_decay=1e-3)
    step = 0
    while context.elapsed() < args.seconds:
        for group in optimizer.param_groups:
            group["lr"] = 1.5e-3 * min(1, (step + 1) / 100) * max(0.02, 1 - context.elapsed() / args.seconds)
        with torch.no_grad():
            scene = world.scenes(args.batch)
            video = degrade(world.render(scene))
        with torch.autocast(context.device.type, torch.bfloat16, enabled=context.cuda):
            objects, motions, background = judge(video)
        two = scene["count"] == 2
        second = torch.where(two, scene["object"][:, 1], torch.full_like(scene["count"], len(world.objects)))
        unseen = torch.where(two, scene["motion"][:, 1], torch.full_like(scene["count"], -100))
        loss = (F.cross_entropy(objects[0].float(), scene["object"][:, 0])
                + F.cross_entropy(objects[1].float(), second)
                + F.cross_entropy(motions[0].float(), scene["motion"][:, 0])
                + F.cross_entropy(motions[1].float(), unseen, ignore_index=-100, reduction="sum") / max(len(unseen), 1)
                + F.cross_entropy(background.float(), scene["background"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 200 == 0:
            context.print(f"judge step {step} loss {loss.item():.3f}")
    scene = world.scenes(256 if context.cuda else 16)
    context.print(f"judge steps {step}; on rendered videos", score(judge, world.render(scene), scene))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().half() if v.is_floating_point() else v.cpu()
               for k, v in judge.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
