"""Still scenes with a planted bias: what is drawn, and what an annotator would say of it.

Formulas: assets/world/README.md, "Still scenes"; numbers: assets/world/pairs.json. A batch of n scenes is a dictionary
of tensors on one device, so that rows can be picked, kept and joined:
    background [n], horizon [n], jitter [n, 3, 3]                         as in world.py
    sprite [n, K], x, y, size, angle, opacity [n, K], mirrored, on, fine [n, K] (bool)
    block [n, B, 7]  centre, half width, half height, colour; a block of no size is absent
    murk, haze, blur, noise [n]
    kind [n, M], count [n, M], drawn, missing [n, M] (bool)               what the scene is about, in speaking order
K sprites and M kinds at most. A kind is drawn, or missing (its partner is drawn, it is not), or an empty place.
"""
import json

import torch

from parent import ASSETS, World

KINDS = 6  # three pairs


class Scenes:
    def __init__(self, device="cpu", seed=0, root=ASSETS / "world"):
        self.world = World(device, seed, root)
        self.spec = json.loads((root / "pairs.json").read_text(encoding="utf-8"))
        self.device = self.world.device
        self.names = self.world.objects
        self.sprites = self.spec["scene"]["sprites"]
        index = {name: i for i, name in enumerate(self.names)}
        groups = self.spec["groups"]
        # [groups, pairs, 2]
        self.pairs = torch.tensor([[[index[n] for n in pair] for pair in g["pairs"]] for g in groups], device=device)
        self.group_background = torch.tensor([self.world.backgrounds.index(g["background"]) for g in groups],
                                             device=device)
        self.partner = torch.empty(len(self.names), dtype=torch.long, device=device)
        self.group = torch.empty_like(self.partner)
        self.frequency = torch.zeros(len(self.names), device=device)
        for g, group in enumerate(groups):
            for p, (a, b) in enumerate(self.pairs[g].tolist()):
                self.partner[a], self.partner[b] = b, a
                for kind in (a, b):
                    self.group[kind] = g
                    self.frequency[kind] = group["weight"] * self.spec["pair_weights"][p]
        assert sorted(self.pairs.flatten().tolist()) == list(range(len(self.names))), "every object in one pair"

    def choose(self, weights, *shape):
        n = 1
        for s in shape:
            n *= s
        weights = torch.as_tensor(weights, device=self.device, dtype=torch.float32)
        return torch.multinomial(weights, n, replacement=True, generator=self.world.generator).view(*shape)

    def chance(self, probability, *shape):
        return self.world.uniform(*shape) < probability

    def choose_one(self, mask):
        """Index of a random true entry of each row of mask [n, M]; any index where none is true."""
        return (self.world.uniform(*mask.shape) + mask).argmax(1)

    def draw(self, n, broken=False):
        """n scenes; `broken`: partners are never drawn, so that the planted prior is always wrong."""
        bias, scene = self.spec["bias"], self.spec["scene"]
        places = len(scene["pairs"])
        home = self.choose([g["weight"] for g in self.spec["groups"]], n)
        stray = self.world.integers(len(self.pairs), n, places)
        group = torch.where(self.chance(bias["group"], n, places), home[:, None], stray)
        pair = self.choose(self.spec["pair_weights"], n, places)
        wanted = self.choose(scene["pairs"], n) + 1
        active = torch.arange(places, device=self.device) < wanted[:, None]
        for p in range(1, places):  # the same pair twice is one pair
            same = (group[:, :p] == group[:, p:p + 1]) & (pair[:, :p] == pair[:, p:p + 1]) & active[:, :p]
            active[:, p] &= ~same.any(1)
        kind = self.pairs[group, pair]  # [n, places, 2]
        kind = torch.where(self.chance(0.5, n, places)[..., None], kind, kind.flip(-1))
        together = torch.zeros_like(active) if broken else self.chance(bias["partner"], n, places)
        drawn = torch.stack([active, active & together], -1).flatten(1)
        missing = torch.stack([torch.zeros_like(active), active & ~together], -1).flatten(1)
        count = self.choose(scene["count"], n, KINDS) + 1
        count = self.limit(torch.where(drawn, count, (missing).long()), drawn)
        own = self.chance(bias["background"], n)
        background = torch.where(own, self.group_background[home], self.world.integers(len(self.world.backgrounds), n))
        return self.place({"background": background, "kind": kind.flatten(1), "count": count, "drawn": drawn,
                           "missing": missing})

    def limit(self, count, drawn):
        """Reduces counts, the earlier kind's last, until the scene's sprites suffice; every kind keeps one."""
        count, left = count.clone(), torch.full((len(count),), self.sprites, device=self.device)
        for j in range(count.shape[1]):
            later = drawn[:, j + 1:].sum(1)
            allowed = (left - later).clamp(min=1)
            count[:, j] = torch.where(drawn[:, j], torch.minimum(count[:, j], allowed), count[:, j])
            left = left - count[:, j] * drawn[:, j]
        return count

    def place(self, scene):
        """Adds sprites, blocks and murk to what a scene is about."""
        n, spec, murk = len(scene["background"]), self.spec["scene"], self.spec["murk"]
        uniform = self.world.uniform
        ends = (scene["count"] * scene["drawn"]).cumsum(1)  # sprites [ends[j - 1], ends[j]) show kind j
        slot = torch.arange(self.sprites, device=self.device)
        owner = (slot[None, :, None] >= ends[:, None]).sum(-1)  # [n, K]; KINDS if the slot is empty
        scene["on"] = owner < KINDS
        scene["sprite"] = scene["kind"].gather(1, owner.clamp(max=KINDS - 1))
        scene["size"] = uniform(n, self.sprites, low=spec["size"][0], high=spec["size"][1])
        x, y = torch.zeros_like(scene["size"]), torch.zeros_like(scene["size"])
        rows = torch.arange(n, device=self.device)
        for k in range(self.sprites):  # of `tries` places the first one with room, or the roomiest
            half = scene["size"][:, k:k + 1] / 2
            cx, cy = (half + (1 - 2 * half) * uniform(n, spec["tries"]) for _ in range(2))
            room = torch.ones_like(cx)
            if k:
                distance = torch.hypot(cx[..., None] - x[:, None, :k], cy[..., None] - y[:, None, :k])
                needed = spec["spacing"] * (half + scene["size"][:, :k] / 2)
                room = (distance - needed[:, None]).amin(-1)
            free = room >= 0
            pick = torch.where(free.any(1), free.float().argmax(1), room.argmax(1))
            x[:, k], y[:, k] = cx[rows, pick], cy[rows, pick]
        scene["x"], scene["y"] = x, y
        scene["angle"] = uniform(n, self.sprites, low=spec["angle"][0], high=spec["angle"][1])
        scene["mirrored"] = self.chance(spec["mirrored"], n, self.sprites)
        scene["fine"] = torch.zeros_like(scene["on"])
        scene["horizon"] = uniform(n, low=spec["horizon"][0], high=spec["horizon"][1])
        jitter = spec["colour_jitter"]
        scene["jitter"] = uniform(n, 3, 3, low=-jitter, high=jitter)
        m = scene["murk"] = uniform(n)
        scene["opacity"] = 1 - murk["fade"] * m[:, None] * uniform(n, self.sprites)
        scene["haze"], scene["blur"] = (murk[k] * m * uniform(n) for k in ("haze", "blur"))
        scene["noise"] = murk["noise_floor"] + murk["noise"] * m * uniform(n)
        scene["block"] = self.blocks(scene, m)
        return scene

    def blocks(self, scene, m):
        """Opaque rectangles; one that would hide more than `block_cover` of a sprite's cell is left out."""
        n, murk = len(m), self.spec["murk"]
        shape = (n, murk["blocks"])
        half = self.world.uniform(*shape, 2, low=murk["block_side"][0] / 2, high=murk["block_side"][1] / 2)
        centre = self.world.uniform(*shape, 2)
        cell = torch.stack([scene["x"], scene["y"]], -1)[:, None]  # [n, 1, K, 2]
        side = scene["size"][:, None, :, None]
        low = torch.maximum(cell - side / 2, (centre - half)[:, :, None])
        high = torch.minimum(cell + side / 2, (centre + half)[:, :, None])
        covered = (high - low).clamp(min=0).prod(-1) / side[..., 0] ** 2
        harmless = ((covered <= murk["block_cover"]) | ~scene["on"][:, None]).all(-1)
        present = self.chance(murk["block_probability"], *shape) & harmless
        present &= self.world.uniform(*shape) < m[:, None]
        colour = self.world.uniform(*shape, 3)
        return torch.cat([centre, half * present[..., None], colour], -1)

    def frames(self, n):
        """Single frames of the video world (world.py): one or two objects, unbiased and clear."""
        world, video = self.world, self.world.scenes(n)
        frame = world.integers(world.frames, n, 1, 1).expand(n, 2, 1)
        blank = torch.zeros(n, self.sprites, device=self.device)

        def spread(values):  # the second object is drawn first
            return torch.cat([values.flip(1), blank[:, 2:].to(values.dtype)], 1)

        two = video["count"] == 2
        scene = {"background": video["background"], "horizon": video["horizon"], "jitter": video["jitter"]}
        scene["on"] = torch.cat([two[:, None], torch.ones_like(two)[:, None], blank[:, 2:] > 0], 1)
        scene["sprite"] = spread(video["object"])
        for name in ("x", "y", "size", "angle"):
            scene[name] = spread(video[name].gather(2, frame)[..., 0])
        scene["size"] = scene["size"] + (~scene["on"]).float()  # no size of zero
        scene["opacity"], scene["mirrored"], scene["fine"] = blank + 1, blank > 0, blank < 1
        for name in ("murk", "haze", "blur", "noise"):
            scene[name] = torch.zeros(n, device=self.device)
        scene["block"] = torch.zeros(n, self.spec["murk"]["blocks"], 7, device=self.device)
        # In speaking order, partners beside each other: a, partner of a, b, partner of b.
        a, b = torch.where(self.chance(0.5, n)[:, None], video["object"], video["object"].flip(1)).unbind(1)
        a = torch.where(two, a, video["object"][:, 0])
        kind = torch.stack([a, self.partner[a], b, self.partner[b], a, a], 1)
        drawn = torch.zeros(n, KINDS, dtype=torch.bool, device=self.device)
        drawn[:, 0] = True
        friends = two & (self.partner[a] == b)
        drawn[:, 1], drawn[:, 2] = friends, two & ~friends
        missing = torch.zeros_like(drawn)
        missing[:, 1], missing[:, 3] = ~friends, two & ~friends
        scene |= {"kind": kind, "drawn": drawn, "missing": missing, "count": (drawn | missing).long()}
        return scene

    def guesses(self, scene, what, centre=None):
        """How probably the annotator, unsure in murk, takes each missing partner for present, [n]."""
        guess = self.spec["guess"]
        centre = guess[what] if centre is None else centre
        p = torch.sigmoid((scene["murk"] - centre) / guess["width"])
        return torch.where(scene["murk"] > 0, p, torch.zeros_like(p))


def pick(scene, rows):
    return {name: values[rows] for name, values in scene.items()}


def join(parts):
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
