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
import json
import os
import pathlib
import time

from engine import Context, FlatAdamW, half, schedule  # first: see there

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import models
from curve import Curve
from keep_videos import keep_videos
from short_attention import choose_temporal_attention
from weights import extend_words, load_weights, save_shards, tie_held_out
from world import World


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

    def __init__(self, args, context, world, tokens, vae, frames, size, chunk):
        self.context, self.world, self.tokens, self.vae = context, world, tokens, vae
        self.share, self.sentences = args.sentences, world.sentences(seed=args.seed * 31 + context.rank)
        self.motions = [args.motions.get(m, 1.0) for m in world.motions]
        self.frames, self.chunk, self.next = frames, chunk, 0
        shape = (size, models.LATENT_CHANNELS, frames, 16, 16)
        self.latents = torch.zeros(shape, device=context.device, dtype=context.dtype)
        self.ids = torch.zeros(size, models.PROMPT_TOKENS, device=context.device, dtype=torch.long)
        self.encode = torch.compile(vae.encode) if context.cuda else vae.encode

    @torch.no_grad()
    def refresh(self, chunks):
        world, n = self.world, self.chunk
        scene, prompts = world.told(n * chunks, self.sentences, self.share, self.motions)
        ids = torch.tensor(self.tokens(prompts), device=self.context.device)
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


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=["images", "videos"], required=True)
    parser.add_argument("--state", type=pathlib.Path, required=True, help="holds vae.safetensors, judge.safetensors, unet.pt")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=270, help="wall clock of this call, everything included")
    parser.add_argument("--total", type=float, help="training seconds of all calls: the schedule's length (default: this call)")
    parser.add_argument("--init-from", type=pathlib.Path, help="exported checkpoint, or folder of model-*.safetensors")
    parser.add_argument("--batch", type=int, help="pictures or videos a process and step")
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--guidance", type=float, nargs="*", default=[3.0], help="scales of the last look")
    parser.add_argument("--sentences", type=float, default=0.5, help="share of plain sentences among the prompts")
    parser.add_argument("--motions", type=json.loads, default={}, help='weights of motions: {"spinning": 5, "growing": 2}')
    parser.add_argument("--look-every", type=float, default=240, help="training seconds between lines of the curve")
    parser.add_argument("--await-vae", action="store_true", help="compile at once, then wait for STATE/vae.safetensors")
    parser.add_argument("--last-look", type=int, nargs=2, default=[8, 24], metavar=("EACH", "SAID"),
                        help="videos a motion, sentences of either kind at the end")
    parser.add_argument("--keep-videos", action="store_true", help="write the last look's videos beside the weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile-only", action="store_true", help="two steps on noise, to fill the compiler's cache")
    parser.add_argument("--smoke", action="store_true")
    return parser.parse_args()


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
        models.load_text_encoder(text_encoder, extend_words(saved["text_encoder"], args.init_from, tokens, world))
        vae.load_state_dict(saved["vae"])
    elif not args.compile_only and not args.await_vae:
        vae.load_state_dict(load_file(args.state / "vae.safetensors"))
    vae.to(context.device, context.dtype).eval().requires_grad_(False)
    text_encoder.to(context.device)
    unet.to(context.device)
    trainer = FlatAdamW(context, [unet, text_encoder])  # its master weights are not rounded
    text_encoder.to(context.dtype)
    unet.to(context.dtype)
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

    if context.cuda:
        choose_temporal_attention(unet, batch, frames, context.dtype, context.print)
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

    chunk = 2 if args.smoke else 128 // frames
    size = 4 if args.smoke else 65536 if images else 4096
    replay = Replay(args, context, world, tokens, vae, frames, size, chunk)
    if args.compile_only or args.await_vae:
        for _ in range(2):
            loss_of(torch.randn(batch, models.LATENT_CHANNELS, frames, 16, 16, device=context.device),
                    nothing.expand(batch, -1)).backward()
        for p in trainer.parameters:
            p.grad = None
        replay.refresh(1)
        context.print("compiled")
        if args.compile_only:
            return
        while not (args.state / "vae.done").exists():
            time.sleep(0.2)
        vae.load_state_dict(load_file(args.state / "vae.safetensors"))
    replay.refresh(size // chunk)
    context.print(f"replay filled with {size} x {frames} frames")
    curve = Curve(args, context, tokens)
    total = torch.zeros((), device=context.device)
    first, started, tick, done, show = trainer.step_count, None, time.time(), False, 100
    looked, loss_shown = 0.0, 0.0
    length = args.total

    def look(last=False):
        """The EMA's weights to disk, and a line of the curve."""
        trainer.write(trainer.ema)
        for block, modules in zip(motion_blocks(unet), whole):
            block.motion_modules = modules
        unet.eval(), text_encoder.eval()
        tie_held_out(text_encoder, tokens, world)
        if context.rank == 0:
            networks = {"text_encoder": text_encoder, "unet": unet}
            save_shards({f"{k}.{n}": t for k, m in networks.items() for n, t in half(m).items()}, args.out)
            save_file(half(vae), args.out / "vae.safetensors")
            options = {}
            if last:
                options = {"each": args.last_look[0], "said": args.last_look[1]}
                if args.keep_videos:
                    options["keep"] = lambda name, prompts, scene, video: keep_videos(
                        args.out / f"{name.replace(' ', '_')}.tar", prompts, video)
            for guidance in args.guidance if last else args.guidance[:1]:
                curve.look(unet, text_encoder, vae, trainer.step_count, loss_shown, guidance=guidance, **options)
                options.pop("keep", None)
        context.barrier()
        if not last:
            unet.train(), text_encoder.train()
            trainer.write(trainer.master)

    while not done:
        now = context.elapsed() - started if started else 0.0
        loss = loss_of(*replay.batch(batch))
        loss.backward()
        lr = args.lr * schedule((spent + now) / (length or 1e9), trainer.step_count, args.warmup, floor=0.02)
        trainer.step(lr, ema_decay=0.9985)
        total += loss.detach()
        steps = trainer.step_count - first
        if steps == 2:
            started = context.elapsed()  # compilation is over
            length = length or max(args.seconds - started, 1.0)
            context.print("training begins")
        if args.smoke:
            done = steps >= 3
        elif steps % 16 == 0:
            replay.refresh(16)
            control = args.state / "control.json"  # may change the end and the last look while this runs
            if control.exists():
                wish = json.loads(control.read_text())
                args.seconds, args.last_look = wish.get("seconds", args.seconds), wish.get("last_look", args.last_look)
            done = context.agree(float(context.elapsed() > args.seconds)) > 0
            if not done and not images and context.agree(now) - looked > args.look_every:
                looked = now
                look()
        if trainer.step_count % show == 0 and not args.smoke:
            loss_shown = total.item() / min(show, steps)
            context.print(f"{args.stage} step {trainer.step_count} loss {loss_shown:.4f}",
                          f"lr {lr:.2e} {1000 * (time.time() - tick) / show:.1f} ms/step")
            total.zero_()
            tick = time.time()

    if context.rank == 0:
        spent += context.elapsed() - (started or 0.0)
        torch.save({"trainer": trainer.state_dict(), "spent": spent}, checkpoint)
        context.print(f"ends at step {trainer.step_count}, {spent:.0f} training seconds spent")
    look(last=True)
    context.barrier()
    context.print("done")
    context.close()


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
