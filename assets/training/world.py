"""Reference renderer of the emoji world (formulas: assets/world/README.md).

Everything is a batch of tensors on one device, so that training data are drawn on
the fly and no data set lies on disk. A batch of scenes is a dictionary:
    count [n]        1 or 2 objects
    object, motion   [n, 2] indices (the second one is ignored where count is 1)
    background [n]
    x, y, size, angle [n, 2, F]    trajectories
    horizon [n], jitter [n, 3, 3]
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from sentences import Sentences

DEFAULT_ROOT = pathlib.Path(__file__).resolve().parent.parent / "world"


class World:
    def __init__(self, device="cpu", seed=0, root=DEFAULT_ROOT):
        self.spec = spec = json.loads((pathlib.Path(root) / "world.json").read_text(encoding="utf-8"))
        self.root = root
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.objects = [o["name"] for o in spec["objects"]]
        self.articles = [o["article"] for o in spec["objects"]]
        self.motions = [m["name"] for m in spec["motions"]]
        self.backgrounds = [b["name"] for b in spec["backgrounds"]]
        self.frames = spec["frame"]["num_frames"]
        self.side = spec["frame"]["width"]

        cell, columns = spec["atlas"]["cell"], spec["atlas"]["columns"]
        atlas = np.array(Image.open(pathlib.Path(root) / spec["atlas"]["file"]).convert("RGBA"))
        cells = [atlas[i // columns * cell:][:cell, i % columns * cell:][:, :cell] for i in range(len(self.objects))]
        sprites = torch.from_numpy(np.stack(cells)).to(self.device).permute(0, 3, 1, 2).float() / 255
        sprites[:, :3] *= sprites[:, 3:]  # premultiplied, as bilinear filtering wants it
        self.sprites = sprites

        names = ("dx", "dy", "hop", "spin", "grow")
        self.coefficients = self._tensor([[m.get(k, 0.0) for k in names] for m in spec["motions"]])
        black = [0.0, 0.0, 0.0]
        self.colours = self._tensor([[b["top"], b["bottom"], b["ground"] or black] for b in spec["backgrounds"]])
        self.has_ground = self._tensor([float(b["ground"] is not None) for b in spec["backgrounds"]])
        pixels = (torch.arange(self.side, device=self.device) + 0.5) / self.side
        self.v = pixels
        self.stars = torch.zeros(len(self.backgrounds), self.side, self.side, device=self.device)
        for i, background in enumerate(spec["backgrounds"]):
            for x, y, b in background.get("stars", []):
                distance = (pixels[None, :] - x) ** 2 + (pixels[:, None] - y) ** 2
                self.stars[i] += b * torch.exp(-distance / (2 * spec["star_sigma"] ** 2))

    def _tensor(self, values):
        return torch.tensor(values, device=self.device, dtype=torch.float32)

    def uniform(self, *shape, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(*shape, device=self.device, generator=self.generator)

    def integers(self, high, *shape):
        return torch.randint(high, shape, device=self.device, generator=self.generator)

    # --- scenes ---------------------------------------------------------------------------

    def scenes(self, n, count=None):
        """Draws n scenes; count fixes the number of objects."""
        return self.animate(self.draw(n, count))

    def told(self, n, sentences, share, motions=None):
        """n scenes and what is said of them: plain sentences for `share` of them, else the world's prompts."""
        scene = self.draw(n, motions=motions)
        prompts = self.captions(scene, loose=0.2)
        chosen = torch.rand(n).tolist()
        objects, acts = scene["object"].tolist(), scene["motion"].tolist()
        counts, backgrounds = scene["count"].tolist(), scene["background"].tolist()
        for i, count in enumerate(counts):
            if chosen[i] < share:
                prompts[i], _, shown = sentences.write(objects[i][:count], acts[i][:count], backgrounds[i])
                acts[i][:count] = shown
        scene["motion"] = torch.tensor(acts, device=self.device)
        return self.animate(scene), prompts

    def draw(self, n, count=None, motions=None):
        """What prompts say of n scenes; `motions` are weights of the motions, even if absent."""
        if count is None:
            count = 1 + (self.uniform(n) < self.spec["probability_two"]).long()
        else:
            count = torch.full((n,), count, device=self.device)
        weights = self._tensor(motions or [1.0] * len(self.motions))
        first = self.integers(len(self.objects), n)
        second = (first + 1 + self.integers(len(self.objects) - 1, n)) % len(self.objects)
        return {
            "count": count,
            "object": torch.stack([first, second], 1),
            "motion": torch.multinomial(weights, 2 * n, replacement=True, generator=self.generator).view(n, 2),
            "background": self.integers(len(self.backgrounds), n),
        }

    def animate(self, scene):
        """Adds trajectories and the background's random values to what a prompt fixes."""
        n, two = len(scene["count"]), (scene["count"] == 2)[:, None]
        layouts = self.spec["layouts"]

        def draw(key):
            low, high = self._tensor(layouts["one"][key]), self._tensor(layouts["two"][key])
            bounds = torch.where(two[..., None], high, low)
            return bounds[..., 0] + (bounds[..., 1] - bounds[..., 0]) * self.uniform(n, 2)

        one_cx, two_cx = (self._tensor([s["cx"] for s in layouts[k]["slots"]]) for k in ("one", "two"))
        bounds = torch.where(two[..., None], two_cx, one_cx.expand(2, 2))
        cx = bounds[..., 0] + (bounds[..., 1] - bounds[..., 0]) * self.uniform(n, 2)
        dx, dy, hop, spin, grow = self.coefficients[scene["motion"]].unbind(-1)
        cy = torch.where(hop > 0, draw("floor"), draw("cy"))
        t = torch.linspace(0, 1, self.frames, device=self.device)
        q = 2 * t - 1
        arc = torch.sin(math.pi * self.spec["hops_per_clip"] * t).abs()
        low, high = self.spec["horizon"]
        jitter = self.spec["colour_jitter"]
        scene["x"] = cx[..., None] + (dx * draw("travel_x") / 2)[..., None] * q
        scene["y"] = cy[..., None] + (dy * draw("travel_y") / 2)[..., None] * q - (hop * draw("hop"))[..., None] * arc
        scene["size"] = draw("size")[..., None] * (1 + grow[..., None] * q)
        scene["angle"] = spin[..., None] * t
        scene["horizon"] = self.uniform(n, low=low, high=high)
        scene["jitter"] = self.uniform(n, 3, 3, low=-jitter, high=jitter)
        return scene

    def captions(self, scene, loose=0.0):
        """One prompt a scene; `loose` is the chance of writing 'a' where 'an' is right."""
        objects, motions = scene["object"].tolist(), scene["motion"].tolist()
        counts, backgrounds = scene["count"].tolist(), scene["background"].tolist()
        slack = torch.rand(len(counts)).tolist() if loose else [1.0] * len(counts)
        texts = []
        for i, count in enumerate(counts):
            parts = []
            for k in range(count):
                article = "a" if slack[i] < loose else self.articles[objects[i][k]]
                parts.append(f"{article} {self.objects[objects[i][k]]} {self.motions[motions[i][k]]}")
            texts.append(" and ".join(parts) + " " + self.backgrounds[backgrounds[i]])
        return texts

    def words(self):
        """Every word that a prompt can hold, sorted."""
        text = " ".join(self.objects + self.motions + self.backgrounds + ["a an and"] + self.sentences().words())
        return sorted(set(text.split()))

    def sentences(self, **options):
        return Sentences(self, self.root, **options)

    # --- pictures -------------------------------------------------------------------------

    def backdrop(self, background, horizon, jitter):
        """[n, 3, H, W]: gradient sky, ground, stars."""
        n, spec = len(background), self.spec
        colours = (self.colours[background] + jitter)[..., None]  # [n, 3 layers, 3 channels, 1]
        ground = self.has_ground[background][:, None]
        h = torch.where(ground > 0, horizon[:, None], torch.ones_like(horizon)[:, None])
        v = self.v[None]
        w = (v / h).clamp(0, 1)[:, None]
        sky = colours[:, 0] * (1 - w) + colours[:, 1] * w
        k = (((v - h) * spec["horizon_sharpness"] + 0.5).clamp(0, 1) * ground)[:, None]
        depth = ((v - h) / (1 - h).clamp(min=1e-6)).clamp(0, 1)
        shade = (1 - spec["ground_shade"] * (1 - depth))[:, None]
        column = sky * (1 - k) + colours[:, 2] * shade * k
        picture = column[..., None].expand(n, 3, self.side, self.side) + self.stars[background][:, None]
        return picture.clamp(0, 1)

    def layer(self, index, x, y, size, angle):
        """Premultiplied RGBA [n, 4, H, W] of one sprite at one pose each."""
        c, s = torch.cos(angle) / size, torch.sin(angle) / size
        # affine_grid's coordinates run over [-1, 1]; ours over [0, 1].
        cx, cy = 2 * x - 1, 2 * y - 1
        theta = torch.stack([torch.stack([c, s, -(c * cx + s * cy)], -1),
                             torch.stack([-s, c, -(-s * cx + c * cy)], -1)], -2)
        grid = F.affine_grid(theta, (len(index), 4, self.side, self.side), align_corners=False)
        return F.grid_sample(self.sprites[index], grid, padding_mode="zeros", align_corners=False)

    def render(self, scene, frames=None):
        """Video [n, F, 3, H, W] in [-1, 1]; frames [n, F'] picks frames (default: all)."""
        n = len(scene["count"])
        if frames is None:
            frames = torch.arange(self.frames, device=self.device).expand(n, -1)
        f = frames.shape[1]
        video = self.backdrop(scene["background"], scene["horizon"], scene["jitter"])
        video = video[:, None].repeat(1, f, 1, 1, 1).flatten(0, 1)
        for k in (1, 0):  # the first object is drawn last, on top
            pose = [scene[name][:, k].gather(1, frames).flatten() for name in ("x", "y", "size", "angle")]
            layer = self.layer(scene["object"][:, k].repeat_interleave(f), *pose)
            if k == 1:
                layer = layer * (scene["count"] == 2).float().repeat_interleave(f)[:, None, None, None]
            video = video * (1 - layer[:, 3:]) + layer[:, :3]
        return (video * 2 - 1).unflatten(0, (n, f))

    def clutter(self, n, objects=4, turned=0.35, turn=math.pi):
        """Crowded single pictures [n, 3, H, W] in [-1, 1]: more sprite pixels for the autoencoder.

        `turned` is the share of sprites that are turned, by up to `turn`.
        """
        background = self.integers(len(self.backgrounds), n)
        low, high = self.spec["horizon"]
        jitter = self.uniform(n, 3, 3, low=-0.03, high=0.03)
        picture = self.backdrop(background, self.uniform(n, low=low, high=high), jitter)
        for _ in range(objects):
            angle = (self.uniform(n) < turned).float() * self.uniform(n, high=turn)
            layer = self.layer(self.integers(len(self.objects), n), self.uniform(n, low=0.05, high=0.95),
                               self.uniform(n, low=0.05, high=0.95), self.uniform(n, low=0.2, high=0.55),
                               angle)
            picture = picture * (1 - layer[:, 3:]) + layer[:, :3]
        return picture * 2 - 1


def contact_sheet(video, path, step=2):
    """Writes videos [n, F, 3, H, W] in [-1, 1] as rows of every step-th frame."""
    v = ((video[:, ::step].float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    n, f, _, h, w = v.shape
    Image.fromarray(v.permute(0, 3, 1, 4, 2).reshape(n * h, f * w, 3).numpy()).save(path)
