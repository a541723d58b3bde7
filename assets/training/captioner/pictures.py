"""Draws still scenes: pictures in [0, 1] and the kind that each patch shows."""
import torch
import torch.nn.functional as F

PATCH = 8
LEVELS = 3  # sprites at full, half and quarter resolution


class Painter:
    """Sprites of all sizes on one sheet, each with a ring of empty pixels, so that one call samples any of them."""

    def __init__(self, scenes):
        self.scenes, self.world, self.side = scenes, scenes.world, scenes.world.side
        cells = self.world.sprites  # [kinds, 4, cell, cell], premultiplied
        self.cell = cells.shape[-1]
        kinds, columns, rows = len(cells), [], []
        levels = [F.avg_pool2d(cells, 2 ** level) if level else cells for level in range(LEVELS)]
        for level in levels:
            padded = F.pad(level, (1, 1, 1, 1))
            columns.append(torch.cat(list(padded), 1))  # one column a level: [4, kinds * (c + 2), c + 2]
            rows.append(padded.shape[-1])
        height = columns[0].shape[1]
        self.sheet = torch.cat([F.pad(c, (0, 0, 0, height - c.shape[1])) for c in columns], 2)[None]
        device = cells.device
        self.step = torch.tensor(rows, device=device)
        self.left = torch.cat([torch.zeros(1, dtype=torch.long, device=device), self.step.cumsum(0)[:-1]])
        radius, sigma = (scenes.spec["murk"][k] for k in ("blur_radius", "blur_sigma"))
        taps = torch.exp(-torch.arange(-radius, radius + 1, device=device).float() ** 2 / (2 * sigma ** 2))
        self.taps, self.radius = taps / taps.sum(), radius
        self.haze = torch.tensor(scenes.spec["murk"]["haze_colour"], device=device)[:, None, None]
        assert kinds == len(scenes.names)

    def layer(self, scene, k):
        """Premultiplied RGBA [n, 4, H, W] of the k-th sprite."""
        x, y, size, angle = (scene[name][:, k, None, None] for name in ("x", "y", "size", "angle"))
        pixels = self.world.v
        du, dv = pixels[None, None, :] - x, pixels[None, :, None] - y
        a = (torch.cos(angle) * du + torch.sin(angle) * dv) / size
        b = (-torch.sin(angle) * du + torch.cos(angle) * dv) / size
        a, b = torch.where(scene["mirrored"][:, k, None, None], -a, a) + 0.5, b + 0.5
        # The level whose pixels are about as large as the picture's.
        level = torch.log2(self.cell / (size[:, 0, 0] * self.side)).floor().clamp(0, LEVELS - 1).long()
        level = torch.where(scene["fine"][:, k], torch.zeros_like(level), level)
        cell = (self.step[level] - 2)[:, None, None].float()
        column = torch.minimum((a * cell - 0.5).clamp(min=-1), cell) + 1 + self.left[level][:, None, None]
        row = torch.minimum((b * cell - 0.5).clamp(min=-1), cell) + 1
        row = row + (scene["sprite"][:, k] * self.step[level])[:, None, None]
        height, width = self.sheet.shape[-2:]
        grid = torch.stack([column * (2 / (width - 1)) - 1, row * (2 / (height - 1)) - 1], -1)
        n = len(grid)
        rgba = F.grid_sample(self.sheet, grid.view(1, n * self.side, self.side, 2), align_corners=True)
        rgba = rgba.view(4, n, self.side, self.side).transpose(0, 1)
        return rgba * (scene["opacity"][:, k] * scene["on"][:, k])[:, None, None, None]

    def draw(self, scene):
        """Pictures [n, 3, H, W] in [0, 1], before noise, and cover [n, K, H, W]: how much of each sprite is seen."""
        picture = self.world.backdrop(scene["background"], scene["horizon"], scene["jitter"])
        cover = []
        for k in range(scene["on"].shape[1]):
            layer = self.layer(scene, k)
            picture = picture * (1 - layer[:, 3:]) + layer[:, :3]
            cover = [c * (1 - layer[:, 3]) for c in cover] + [layer[:, 3]]
        cover = torch.stack(cover, 1)
        pixels = self.world.v
        for block in scene["block"].unbind(1):
            x, y, w, h = (block[:, i, None, None] for i in range(4))
            inside = ((pixels[None, None, :] - x).abs() < w) & ((pixels[None, :, None] - y).abs() < h)
            inside = inside[:, None].float()
            picture = picture * (1 - inside) + block[:, 4:, None, None] * inside
            cover = cover * (1 - inside)
        picture = torch.lerp(picture, self.haze.expand_as(picture), scene["haze"][:, None, None, None])
        return torch.lerp(picture, self.blurred(picture), scene["blur"][:, None, None, None]), cover

    def blurred(self, picture):
        n, c, h, w = picture.shape
        flat = F.pad(picture, (self.radius,) * 4, mode="replicate").view(n * c, 1, h + 2 * self.radius, -1)
        return F.conv2d(F.conv2d(flat, self.taps[None, None, None]), self.taps[None, None, :, None]).view(n, c, h, w)

    def render(self, scene):
        """8-bit pictures [n, 3, H, W] and the kind that each patch shows, [n, patches]; `kinds` where none does."""
        picture, cover = self.draw(scene)
        noise = torch.randn(picture.shape, device=picture.device, generator=self.world.generator)
        picture = picture + scene["noise"][:, None, None, None] * noise
        share, owner = F.avg_pool2d(cover, PATCH).flatten(2).max(1)
        kind = scene["sprite"].gather(1, owner)
        label = torch.where(share > 0.2, kind, torch.full_like(kind, len(self.scenes.names)))
        return bytes_of(picture), label


def bytes_of(picture):
    return (picture.clamp(0, 1) * 255).round().byte()


class Autoencoder:
    """The video model's VAE: pictures as frames of generated videos look."""

    def __init__(self, folder, device):
        from diffusers import AutoencoderKL
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.network = AutoencoderKL.from_pretrained(folder).to(device, self.dtype).eval().requires_grad_(False)
        self.network.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def round_trip(self, picture, generator, unrest=0.0):
        """8-bit pictures through encoder and decoder; latents get up to `unrest` of noise, as sampling leaves some."""
        x = picture.to(self.dtype) / 127.5 - 1
        out = []
        for part in x.split(64):
            z = self.network.encode(part.contiguous(memory_format=torch.channels_last)).latent_dist.mean
            strength = unrest * torch.rand(len(z), 1, 1, 1, device=z.device, generator=generator)
            noise = torch.randn(z.shape, device=z.device, generator=generator)
            out.append(self.network.decode((z + strength * noise).to(self.dtype)).sample)
        return bytes_of((torch.cat(out).float() + 1) / 2)
