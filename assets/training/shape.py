"""How far an object of a video has lost its shape: a meter for training, without a learned network.

In every frame the asked sprite is laid on the place, size and angle where its own colours fit best; the error left
there, root mean square over its opaque part, is small while the object keeps its shape. An object that turns is looked
for around the angle that its motion prescribes.
"""
import math

import torch
import torch.nn.functional as F

SIDE = 64
# Above this error a frame's object has lost its shape: what 1 of 100 frames exceeds after the autoencoder's round trip.
LOST = 0.2


def templates(world, index, sizes, angles):
    """Premultiplied RGBA [len(sizes) * len(angles), 4, K, K] of one sprite at SIDE pixels a frame."""
    side = int(math.ceil(max(sizes) * SIDE * 1.2)) | 1
    grids = []
    for size in sizes:
        for angle in angles:
            c, s = math.cos(angle), math.sin(angle)
            zoom = side / (size * SIDE)
            grids.append([[c * zoom, s * zoom, 0], [-s * zoom, c * zoom, 0]])
    theta = torch.tensor(grids, device=world.device)
    n = len(grids)
    grid = F.affine_grid(theta, (n, 4, side * 2, side * 2), align_corners=False)
    layer = F.grid_sample(world.sprites[index][None].expand(n, -1, -1, -1), grid, padding_mode="zeros",
                          align_corners=False)
    return F.avg_pool2d(layer, 2)


@torch.no_grad()
def shape_error(world, video, index, motion, two=False):
    """Per frame [F], root mean square error of the best pose; video [F, 3, H, W] in [-1, 1]."""
    spin = world.coefficients[motion][3].item()
    frames = F.interpolate((video.float() + 1) / 2, size=(SIDE, SIDE), mode="area")
    sizes = [0.16, 0.19, 0.22, 0.26, 0.3, 0.35, 0.41, 0.48, 0.56, 0.65]
    step = math.pi / (world.frames - 1)
    turns = [k * step for k in range(-1, world.frames + 1)] if spin else [-0.1, 0.0, 0.1]
    layer = templates(world, index, sizes, turns)
    alpha, colour = layer[:, 3:], layer[:, :3]
    weight = alpha.clamp(min=0)
    mass = weight.sum((1, 2, 3)).clamp(min=1e-6)
    colour = colour / alpha.clamp(min=1e-3) * (alpha > 1e-3)
    pad = layer.shape[-1] // 2
    square = F.conv2d((frames ** 2).sum(1, keepdim=True), weight, padding=pad)
    product = F.conv2d(frames, weight * colour, padding=pad)
    own = (weight * colour ** 2).sum((1, 2, 3))
    error = (square - 2 * product + own[None, :, None, None]) / mass[None, :, None, None] / 3
    # Sprites that hang over the frame's edge would compare with padding: centres stay inside.
    if two is not False:
        half = SIDE // 2
        error = error[..., :half] if two == 0 else error[..., half:]
    best = error.flatten(2).amin(2).unflatten(1, (len(sizes), len(turns)))  # [F, sizes, angles]
    if spin:
        near = [best[f, :, f:f + 3].amin() for f in range(len(best))]
        return torch.stack(near).clamp(min=0).sqrt()
    return best.flatten(1).amin(1).clamp(min=0).sqrt()


@torch.no_grad()
def kept(world, video, scene):
    """For each one-object video the share of its frames that keep the asked object's shape, and the mean error."""
    shares, errors = [], []
    for i in range(len(video)):
        e = shape_error(world, video[i], scene["object"][i, 0], scene["motion"][i, 0])
        shares.append((e < LOST).float().mean().item())
        errors.append(e.mean().item())
    return shares, errors
