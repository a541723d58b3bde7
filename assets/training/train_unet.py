#!/usr/bin/env python3
"""Trains the motion UNet and the text encoder together, first on pictures, then on videos.

    torchrun --nproc-per-node 2 train_unet.py --stage images --seconds 270 --total 1200 --state run --out out
    torchrun --nproc-per-node 2 train_unet.py --stage videos --seconds 560 --total 1200 --state run --out out
    python train_unet.py --smoke --stage videos --state /tmp/smoke --out /tmp/smoke      (CPU, a few steps)

The picture stage leaves the motion modules out: for the same arithmetic it shows 16 times more
different scenes, and names and looks of objects are learned there. The motion modules' output
projections start at zero, so the video stage begins exactly where the pictures ended.

STATE/unet.pt holds everything needed to go on (weights, EMA, optimiser, steps, seconds spent); OUT gets
fp16 EMA weights of all three networks (model-*.safetensors), a picture and the judge's numbers.
"""
import argparse
import os
import pathlib
import time

from engine import Context, FlatAdamW, half, schedule  # first: see there

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import models
from judge import load_judge, score
from sample import SHOWN, generate
from world import World, contact_sheet


class Skip(nn.Module):
    """Stands in for a motion module while single pictures are trained."""

    def forward(self, hidden_states, *args, **kwargs):
        return hidden_states


def motion_blocks(unet):
    return [*unet.down_blocks, unet.mid_block, *unet.up_blocks]


class Replay:
    """Encoded scenes kept on the device; a few are replaced all the time.

    Encoding costs as much as a training step's forward pass, and every reuse draws another noise
    level and another noise, so a scene is worth showing several times.
    """

    def __init__(self, context, world, tokens, vae, frames, size, chunk):
        self.context, self.world, self.tokens, self.vae = context, world, tokens, vae
        self.frames, self.chunk, self.next = frames, chunk, 0
        shape = (size, models.LATENT_CHANNELS, frames, 16, 16)
        self.latents = torch.zeros(shape, device=context.device, dtype=context.dtype)
        self.ids = torch.zeros(size, models.PROMPT_TOKENS, device=context.device, dtype=torch.long)
        self.encode = torch.compile(vae.encode) if context.cuda else vae.encode
        self.refresh(size // chunk)

    @torch.no_grad()
    def refresh(self, chunks):
        world, n = self.world, self.chunk
        scene = world.scenes(n * chunks)
        ids = torch.tensor(self.tokens(world.captions(scene, loose=0.2)), device=self.context.device)
        for i in range(chunks):
            part = {k: v[i * n:(i + 1) * n] for k, v in scene.items()}
            chosen = world.integers(world.frames, n, 1) if self.frames == 1 else None
            pictures = world.render(part, chosen).flatten(0, 1).to(self.context.dtype)
            z = self.encode(pictures).latent_dist.mean.unflatten(0, (n, self.frames)).transpose(1, 2)
            where = slice(self.next, self.next + n)
            self.latents[where], self.ids[where] = z.to(self.latents.dtype), ids[i * n:(i + 1) * n]
            self.next = (self.next + n) % len(self.ids)

    def batch(self, n):
        pick = torch.randint(len(self.ids), (n,), device=self.context.device)
        return self.latents[pick].float(), self.ids[pick]


def save_shards(tensors, folder, limit=13_000_000):
    """model-0.safetensors, model-1.safetensors, ... of at most `limit` bytes each."""
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        if size + tensor.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    for i, shard in enumerate(shards):
        save_file(shard, folder / f"model-{i}.safetensors")


def load_weights(folder):
    """Weights by network, from save_shards' files or from an exported checkpoint's folder."""
    groups = {"vae": {}, "text_encoder": {}, "unet": {}}
    for path in sorted(pathlib.Path(folder).glob("model-*.safetensors")):
        for name, tensor in load_file(path).items():
            group, rest = name.split(".", 1)
            groups[group][rest] = tensor
    for group, weights in groups.items():
        for path in sorted(pathlib.Path(folder, group).glob("*.safetensors")):
            weights.update(load_file(path))
    # Public CLIP files name the text model's weights with this prefix, newer transformers without.
    text = groups["text_encoder"]
    groups["text_encoder"] = {k.removeprefix("text_model."): v for k, v in text.items()}
    return groups


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=["images", "videos"], required=True)
    parser.add_argument("--state", type=pathlib.Path, required=True, help="holds vae.safetensors, judge.safetensors, unet.pt")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=270, help="wall clock of this call, everything included")
    parser.add_argument("--total", type=float, default=1200, help="training seconds of all calls: the schedule's length")
    parser.add_argument("--init-from", type=pathlib.Path, help="exported checkpoint, or folder of model-*.safetensors")
    parser.add_argument("--batch", type=int, help="pictures or videos a process and step")
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--guidance", type=float, nargs="*", default=[4.0])
    parser.add_argument("--judged", type=int, default=192, help="generated videos of each kind for the judge")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile-only", action="store_true", help="two steps on noise, to fill the compiler's cache")
    parser.add_argument("--smoke", action="store_true")
    return parser.parse_args()


def evaluate(args, context, unet, text_encoder, vae, tokens, step):
    """Judge's numbers and a picture; the guidance scales are shared out among the processes."""
    world = World(context.device, 4242)
    judge_file = args.state / "judge.safetensors"
    n = 2 if args.smoke else args.judged
    scenes = [world.scenes(n, count) for count in (1, 2)]
    scene = {k: torch.cat([s[k] for s in scenes]) for k in scenes[0]}
    prompts = world.captions(scene)
    common = (unet, text_encoder, vae, tokens)
    steps = 2 if args.smoke else 25
    for guidance in args.guidance[context.rank::context.world_size]:
        if judge_file.exists():
            video = generate(*common, prompts, context.device, context.dtype, steps, guidance, seed=5)
            print(f"step {step} guidance {guidance}", score(load_judge(judge_file, context.device), video, scene),
                  flush=True)
        if guidance == args.guidance[0]:
            shown = generate(*common, SHOWN, context.device, context.dtype, steps, guidance, seed=3)
            contact_sheet(shown, args.out / f"sample_{step}.png")


def main():
    args = parse()
    context = Context()
    for folder in (args.out, args.state):
        folder.mkdir(parents=True, exist_ok=True)
    images = args.stage == "images"
    frames = 1 if images else 16
    batch = 2 if args.smoke else args.batch or (512 if images else 32)
    torch.manual_seed(args.seed)
    world = World(context.device, args.seed * 1000 + 500 + context.rank + (0 if images else 50))
    tokens = models.Tokens(world.words())
    text_encoder, unet = models.make_text_encoder(tokens), models.make_unet()
    nn.init.zeros_(unet.conv_out.weight)
    for block in motion_blocks(unet):
        for module in block.motion_modules:
            nn.init.zeros_(module.proj_out.weight)
            nn.init.zeros_(module.proj_out.bias)
    vae = models.make_vae()
    if args.init_from:
        saved = load_weights(args.init_from)
        unet.load_state_dict(saved["unet"])
        models.load_text_encoder(text_encoder, saved["text_encoder"])
        vae.load_state_dict(saved["vae"])
    elif not args.compile_only:
        vae.load_state_dict(load_file(args.state / "vae.safetensors"))
    vae.to(context.device, context.dtype).eval().requires_grad_(False)
    text_encoder.to(context.device, context.dtype)
    unet.to(context.device, context.dtype)
    trainer = FlatAdamW(context, [unet, text_encoder])
    spent, checkpoint = 0.0, args.state / "unet.pt"
    if checkpoint.exists() and not args.compile_only:
        state = torch.load(checkpoint, map_location=context.device)
        trainer.load_state_dict(state["trainer"])
        spent = state["spent"]
        world.generator.manual_seed(args.seed * 1000 + trainer.step_count * 10 + context.rank)
        context.print(f"resumed at step {trainer.step_count}, {spent:.0f} s spent")
    torch.manual_seed(args.seed * 7919 + trainer.step_count * 10 + context.rank)

    whole = [block.motion_modules for block in motion_blocks(unet)]
    if images:
        for block in motion_blocks(unet):
            block.motion_modules = nn.ModuleList(Skip() for _ in block.motion_modules)
    alphas = models.make_scheduler().alphas_cumprod.to(context.device)
    nothing = torch.tensor(tokens([""]), device=context.device)
    offsets = torch.arange(batch, device=context.device) / batch

    def denoise(x, t, hidden):
        return unet(x, t, hidden.repeat_interleave(frames, 0), return_dict=False)[0]

    run = torch.compile(denoise) if context.cuda else denoise

    def loss_of(z, ids):
        n = len(z)
        ids = torch.where(torch.rand(n, 1, device=z.device) < 0.1, nothing, ids)
        # Evenly spread noise levels: less variance between batches than independent draws.
        t = (((offsets + torch.rand((), device=z.device)) % 1) * 1000).long()
        a = alphas[t].view(n, 1, 1, 1, 1)
        noise = torch.randn_like(z)
        x = a.sqrt() * z + (1 - a).sqrt() * noise
        target = a.sqrt() * noise - (1 - a).sqrt() * z
        hidden = text_encoder(ids).last_hidden_state
        return F.mse_loss(run(x.to(context.dtype), t, hidden).float(), target)

    if args.compile_only:
        for _ in range(2):
            loss_of(torch.randn(batch, models.LATENT_CHANNELS, frames, 16, 16, device=context.device),
                    nothing.expand(batch, -1)).backward()
        return context.print("compiled")

    chunk = 2 if args.smoke else 128 // frames
    size = 4 if args.smoke else 65536 if images else 4096
    replay = Replay(context, world, tokens, vae, frames, size, chunk)
    context.print(f"replay filled with {size} x {frames} frames")
    total = torch.zeros((), device=context.device)
    first, started, tick, done, show = trainer.step_count, None, time.time(), False, 250
    reserve = 15 + 16 * -(-len(args.guidance) // context.world_size)  # seconds kept for saving and judging
    while not done:
        now = context.elapsed() - started if started else 0.0
        loss = loss_of(*replay.batch(batch))
        loss.backward()
        lr = args.lr * schedule((spent + now) / args.total, trainer.step_count, args.warmup, floor=0.02)
        trainer.step(lr, ema_decay=0.9985)
        total += loss.detach()
        steps = trainer.step_count - first
        if steps == 2:
            started = context.elapsed()  # compilation is over
            context.print("compiled")
        if args.smoke:
            done = steps >= 3
        elif steps % 16 == 0:
            replay.refresh(8)
            done = context.agree(float(context.elapsed() > args.seconds - reserve)) > 0
        if trainer.step_count % show == 0 and not args.smoke:
            context.print(f"{args.stage} step {trainer.step_count} loss {total.item() / min(show, steps):.4f}",
                          f"lr {lr:.2e} {1000 * (time.time() - tick) / show:.1f} ms/step")
            total.zero_()
            tick = time.time()

    if context.rank == 0:
        spent += context.elapsed() - (started or 0.0)
        torch.save({"trainer": trainer.state_dict(), "spent": spent}, checkpoint)
    trainer.write(trainer.ema)
    for block, modules in zip(motion_blocks(unet), whole):
        block.motion_modules = modules
    if context.rank == 0:
        networks = {"vae": vae, "text_encoder": text_encoder, "unet": unet}
        save_shards({f"{k}.{n}": t for k, m in networks.items() for n, t in half(m).items()}, args.out)
        context.print(f"saved step {trainer.step_count}, {spent:.0f} training seconds spent")
    unet.eval()
    text_encoder.eval()
    evaluate(args, context, unet, text_encoder, vae, tokens, trainer.step_count)
    context.barrier()
    context.print("done")
    context.close()


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
