#!/usr/bin/env python3
"""Trains the autoencoder on single rendered pictures.

    torchrun --nproc-per-node 2 train_vae.py --seconds 240 --out run
    python train_vae.py --smoke --out /tmp/smoke          (CPU, a few steps)
    python train_vae.py --init-from ../checkpoints/emoji-animatediff --turned 0.8 --spinning 0.5 --seconds 200 --out run

The first two thirds of the time use crowded pictures (many sprites a picture, so more gradient a
pixel), the rest the world's own frames, whose statistics the group norms must meet.
With --init-from an earlier autoencoder is trained further, and its latents are held near the earlier ones (--keep), so
that a UNet of theirs stays of use.
Writes OUT/vae.safetensors (fp16) and OUT/vae.png (input above reconstruction).
"""
import argparse
import pathlib

from engine import Context, FlatAdamW, half, schedule  # first: see there

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import models
from weights import load_weights
from world import World, contact_sheet


def gradients(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def reconstruction_loss(output, target):
    """Squared error for colour, absolute error for crispness, gradients for edges."""
    edges = sum((a - b).abs().mean() for a, b in zip(gradients(output), gradients(target)))
    return 4 * F.mse_loss(output, target) + 0.5 * (output - target).abs().mean() + 0.5 * edges


@torch.no_grad()
def frames_of_world(world, n, spinning=None):
    """Single random frames of n fresh scenes, [n, 3, H, W]; `spinning` is that motion's share, if not the world's."""
    motions = None
    if spinning is not None:
        others = (1 - spinning) / (len(world.motions) - 1)
        motions = [spinning if m == "spinning" else others for m in world.motions]
    scene = world.animate(world.draw(n, motions=motions))
    return world.render(scene, world.integers(world.frames, n, 1)).flatten(0, 1)


@torch.no_grad()
def fold_statistics(vae, pictures):
    """Makes the latents zero-mean and unit-variance per channel by rewriting the 1x1 convolutions."""
    z = torch.cat([vae.encode(part).latent_dist.mean.float() for part in pictures.split(64)])
    mean, std = z.mean((0, 2, 3)), z.std((0, 2, 3))
    channels = len(mean)
    encode, decode = vae.quant_conv, vae.post_quant_conv
    decode.bias.data += (decode.weight.data[:, :, 0, 0] * mean).sum(1)
    decode.weight.data *= std[None, :, None, None]
    encode.bias.data[:channels] = (encode.bias.data[:channels] - mean) / std
    encode.weight.data[:channels] /= std[:, None, None, None]
    encode.bias.data[channels:] -= 2 * std.log()  # the second half holds log-variances
    return mean, std


@torch.no_grad()
def report(context, before, after, pictures, name):
    """Squared errors of two autoencoders on the same pictures."""
    errors = []
    for vae in (before, after):
        x = pictures.to(vae.dtype)
        output = torch.cat([vae.decode(vae.encode(part).latent_dist.mean).sample for part in x.split(64)])
        errors.append(F.mse_loss(output.float(), pictures).item())
    context.print(f"frames of {name}: mse {errors[0]:.5f} before, {errors[1]:.5f} now")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=240, help="wall clock, compilation included")
    parser.add_argument("--batch", type=int, default=32, help="pictures a process and step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--kl", type=float, default=2e-6)
    parser.add_argument("--init-from", type=pathlib.Path, help="exported checkpoint to go on from")
    parser.add_argument("--keep", type=float, default=0.1, help="weight of the distance to the latents of --init-from")
    parser.add_argument("--turned", type=float, default=0.35, help="share of turned sprites in crowded pictures")
    parser.add_argument("--spinning", type=float, help="share of spinning objects in the world's frames")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    context = Context()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    world = World(context.device, args.seed * 1000 + context.rank)
    vae = models.make_vae().to(context.device)
    before = None
    if args.init_from:
        vae.load_state_dict({k: v.float() for k, v in load_weights(args.init_from)["vae"].items()})
        before = models.make_vae().to(context.device, context.dtype).eval().requires_grad_(False)
        before.load_state_dict(vae.state_dict())
    trainer = FlatAdamW(context, [vae])
    max_steps = 3 if args.smoke else 10**9
    if args.smoke:
        args.batch = 2

    def forward(x):
        with torch.autocast(context.device.type, torch.bfloat16, enabled=context.cuda):
            posterior = vae.encode(x).latent_dist
            output = vae.decode(posterior.sample()).sample
            drift = torch.zeros((), device=x.device)
            if before is not None:
                drift = F.mse_loss(posterior.mean.float(), before.encode(x.to(context.dtype)).latent_dist.mean.float())
        return output.float(), posterior.kl().float().mean(), drift

    run = torch.compile(forward) if context.cuda else forward
    progress, total = 0.0, torch.zeros((), device=context.device)
    started = None  # the schedule begins when the compiled step is ready
    while progress < 1 and trainer.step_count < max_steps:
        crowded = progress < 0.66 and not (args.smoke and trainer.step_count)
        with torch.no_grad():
            if crowded:
                x = world.clutter(args.batch, turned=args.turned)
            else:
                x = frames_of_world(world, args.batch, args.spinning)
            x = x.contiguous(memory_format=torch.channels_last)
        output, kl, drift = run(x)
        loss = reconstruction_loss(output, x) + args.kl * kl + args.keep * drift
        loss.backward()
        trainer.step(args.lr * schedule(progress, trainer.step_count, 200))
        total += loss.detach()
        if trainer.step_count == 2:
            started = context.elapsed()
        if trainer.step_count % 20 == 0 and started is not None:
            progress = context.agree((context.elapsed() - started) / max(args.seconds - started, 1))
        if trainer.step_count % 500 == 0:
            context.print(f"vae step {trainer.step_count} loss {total.item() / 500:.4f} drift {drift.item():.4f}")
            total.zero_()

    trainer.write(trainer.ema)
    if context.rank == 0:
        vae.eval()
        n = 4 if args.smoke else 512
        mean = std = torch.zeros(0)
        if before is None:
            mean, std = fold_statistics(vae, frames_of_world(world, n))
        vae.to(torch.float16 if context.cuda else torch.float32)
        if before is not None:
            before.half() if context.cuda else before.float()
            for name, share in (("spinning", 1.0), ("all others", 0.0)):
                report(context, before, vae, frames_of_world(world, min(n, 256), share), name)
        check = frames_of_world(world, min(n, 128)).to(vae.dtype)
        with torch.no_grad():
            z = vae.encode(check).latent_dist
            output = vae.decode(z.mean).sample
        mse = F.mse_loss(output.float(), check.float()).item()
        context.print(f"vae steps {trainer.step_count}, world mse {mse:.5f} on [-1, 1],",
                      f"latent mean {z.mean.float().mean():.3f} std {z.mean.float().std():.3f}",
                      f"posterior std {z.std.float().mean():.3f}; before folding:",
                      "means", [round(v, 2) for v in mean.tolist()], "stds", [round(v, 2) for v in std.tolist()])
        save_file(half(vae), args.out / "vae.safetensors")
        (args.out / "vae.done").touch()  # train_unet.py --await-vae waits for it
        count = min(8, n)
        contact_sheet(torch.stack([check[:count], output[:count]]), args.out / "vae.png", 1)
    context.barrier()
    context.close()


if __name__ == "__main__":
    main()
