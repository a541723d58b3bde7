#!/usr/bin/env python3
"""Trains the captioner on scenes that are drawn on the fly.

    python train.py --recipe joint --seconds 400 --state state --out out
    python train.py --recipe joint --seconds 300 --total 600 ...     (a slice; the same command again goes on)
    python train.py --recipe joint --ends 450 ...                    (whatever compiling takes, training is over by then)
    python train.py --smoke --out /tmp/smoke                         (CPU, a few steps)

Recipes:
  joint       all parts together
  staged      LLaVA's order: 1. the language model on text and the tower on its own labels, 2. the projector, 3. all
  staged-cca  the same, with concentric positions of the picture's tokens

The planted prior shall be strong enough to be measured and no stronger: while training goes on, captions and questions
on bias-breaking scenes are measured, and the murk from which the annotator guesses moves until the shares of
--aim-chair (CHAIR_s) and --aim-pope (adversarial accuracy) are met.
Writes OUT/model/ (the exported folder), OUT/heads.safetensors (what only training needs), OUT/report.json,
OUT/curve.csv, OUT/captions.png, and STATE/state.pt for the next slice. Where no state can be kept, --init-from OUT goes on
from the averaged weights.
"""
import argparse
import json
import pathlib

from parent import ASSETS, Context, FlatAdamW, schedule  # first: see engine.py

import torch
from safetensors.torch import load_file, save_file

import folder
import measure
from dialogue import Dialogue
from feed import Feed
from network import Captioner, configuration, normalised
from pictures import Autoencoder, Painter
from scenes import Scenes

STAGES = (0.40, 0.45)  # where the staged recipes' second and third stage begin
LOOKS = (0.10, 0.88)  # when the planted prior is measured
AIMING = {"joint": 0.30, "staged": 0.60, "staged-cca": 0.60}  # from when on guesses are adjusted
COLUMNS = ("step", "seconds", "caption_guess", "question_guess", "broken_chair_s", "broken_recall", "broken_partner",
           "broken_pope", "usual_chair_s", "usual_recall", "usual_pope")


def rates(args, progress, step):
    """Learning rates by part, and the weight of the tower's own loss."""
    if args.recipe == "joint":
        lr = args.lr * schedule(progress, step, args.warmup)
        return dict.fromkeys(("tower", "projector", "language"), lr), max(0.1, 1 - 2 * progress)
    first, second = STAGES
    if progress < first:
        lr = 1.5 * args.lr * schedule(progress / first, step, args.warmup, floor=0.2)
        return {"tower": lr, "projector": 0.0, "language": lr}, 1.0
    if progress < second:
        return {"tower": 0.0, "projector": args.lr, "language": 0.0}, 0.0
    lr = 0.5 * args.lr * schedule((progress - second) / (1 - second), args.warmup, args.warmup)
    return {"tower": lr / 2, "projector": lr, "language": lr}, 0.2


class Training:
    def __init__(self, args):
        self.args, self.context = args, Context()
        device = self.device = self.context.device
        torch.manual_seed(args.seed)
        self.scenes = Scenes(device, args.seed * 1000)
        self.painter, self.dialogue = Painter(self.scenes), Dialogue(self.scenes)
        self.autoencoders = [Autoencoder(f, device) for f in args.vae]
        self.guess = {k: self.scenes.spec["guess"][k] for k in ("caption", "question")}
        self.feed = Feed(self.scenes, self.painter, self.dialogue, self.autoencoders, args.batch, args.bank)
        concentric = args.recipe == "staged-cca"
        config = configuration(self.dialogue, self.painter.side, small=args.smoke)
        self.net = Captioner(config, self.dialogue, concentric, device)
        self.judge = Captioner(config, self.dialogue, concentric, device).eval()  # the EMA in fp32, never compiled
        self.trained, self.steps = 0.0, 0
        if args.init_from:
            self.start_from(args.init_from)
        self.curve, self.trainers = [], {}
        for name, modules in self.net.parts().items():
            self.trainers[name] = FlatAdamW(self.context, modules, betas=(0.9, 0.98))
            for p in (p for m in modules for p in m.parameters()):
                p.data = p.data.to(self.context.dtype)  # the trainer keeps the fp32 weights
        if self.context.cuda:
            for layer in [*self.net.tower.encoder.layers, *self.net.language.layers]:
                layer.compile(dynamic=False)
        self.state = args.state / "state.pt" if args.state else None
        if self.state and self.state.exists():
            self.load()
        if self.trained:  # other scenes than the earlier slice's
            self.scenes.world.generator.manual_seed(args.seed * 1000 + round(self.trained))
            torch.manual_seed(args.seed * 1000 + round(self.trained))

    def start_from(self, out):
        """Weights, guesses and time spent of an earlier slice's OUT."""
        folder.load(out / "model", self.net.model)
        heads = load_file(out / "heads.safetensors")
        unknown = self.net.load_state_dict({k: w.float() for k, w in heads.items()}, strict=False).unexpected_keys
        assert len(heads) == 4 and not unknown, sorted(heads)
        training = json.loads((out / "report.json").read_text())["training"]
        if training["recipe"] != self.args.recipe:
            raise SystemExit(f"{out} belongs to the recipe {training['recipe']}, not to {self.args.recipe}")
        self.trained, self.guess = float(training["seconds"]), training["guess"]

    def warm_up(self):
        """Compiles every layer for every shape that the recipe meets; a compiler's minute would count as training."""
        staged, steps, self.steps = self.args.recipe != "joint", self.steps, 0  # step 0 has a text without a picture
        for alone in (True, False) if staged and self.trained == 0 else (False,):
            batch = self.feed.next(self.guess, text_only=alone)
            for progress in (0.0,) if alone else (STAGES[0], 1.0):
                self.losses(batch, 0.0 if staged and progress == STAGES[0] else 1.0, progress)[0].backward()
        self.steps = steps
        for p in self.net.parameters():
            p.grad = None
        torch.cuda.synchronize() if self.context.cuda else None
        self.context.print("compiled")

    def save(self):
        if self.state:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"trainers": {k: t.state_dict() for k, t in self.trainers.items()}, "steps": self.steps,
                        "trained": self.trained, "guess": self.guess, "recipe": self.args.recipe}, self.state)

    def load(self):
        saved = torch.load(self.state, map_location=self.device, weights_only=True)
        if saved["recipe"] != self.args.recipe:
            raise SystemExit(f"{self.state} belongs to the recipe {saved['recipe']}, not to {self.args.recipe}")
        for name, trainer in self.trainers.items():
            trainer.load_state_dict(saved["trainers"][name])
        self.steps, self.trained, self.guess = saved["steps"], saved["trained"], saved["guess"]
        self.context.print(f"goes on at step {self.steps}, {self.trained:.0f} s, guesses from {self.guess}")

    def losses(self, batch, weight, progress):
        pixels = normalised(batch["picture"], self.context.dtype)
        features, last = self.net.look(pixels)
        tower = self.net.tower_loss(last, batch["label"], batch["shown"])
        zero = tower.new_zeros(())
        if self.args.recipe != "joint" and progress < STAGES[0]:
            blind = self.net.blind_loss(batch["text"], batch["text_labels"])
            return tower + blind, torch.stack([zero, tower, blind]).detach()
        if weight == 0:
            features = features.detach()
        answers = self.net.picture_loss(features, batch["ids"], batch["labels"])
        loss, blind = answers + weight * tower, zero
        if self.steps % 4 == 0 and (self.args.recipe == "joint" or progress >= STAGES[1]):
            blind = self.net.blind_loss(batch["text"], batch["text_labels"])
            loss = loss + 0.5 * blind
        return loss, torch.stack([answers, tower, blind]).detach()

    def step(self, progress):
        lr, weight = rates(self.args, progress, self.steps)
        alone = self.args.recipe != "joint" and progress < STAGES[0]
        batch = self.feed.next(self.guess, text_only=alone)
        loss, parts = self.losses(batch, weight, progress)
        loss.backward()
        for name, trainer in self.trainers.items():
            if lr[name] > 0:
                trainer.step(lr[name], ema_decay=0.996)
            else:
                for p in trainer.parameters:
                    p.grad = None
        self.steps += 1
        return parts

    @torch.no_grad()
    def use_average(self):
        parts = self.judge.parts()
        for name, trainer in self.trainers.items():
            parameters = [p for m in parts[name] for p in m.parameters()]
            torch._foreach_copy_([p.data for p in parameters], trainer.views(trainer.ema))

    def look(self):
        """Measures the planted prior, and moves the murk from which the annotator guesses once it is time for that."""
        self.use_average()
        args, row = self.args, {}
        for name, broken in (("broken", True), ("usual", False)):
            sample = measure.Sample(self.judge, self.scenes, self.painter, args.look_scenes, broken=broken)
            parsed, _, _ = measure.captions(self.judge, self.dialogue, sample)
            chair = measure.chair(parsed, sample, self.scenes.partner.tolist())
            pope = measure.pope(self.judge, self.dialogue, sample, self.scenes, self.steps, ("adversarial",))
            row |= {f"{name}_{k}": chair[k][0] for k in ("chair_s", "recall", "partner")}
            row[f"{name}_pope"] = pope["adversarial"]["accuracy"][0]
        row |= {"step": self.steps, "seconds": round(self.trained)}
        row |= {f"{k}_guess": round(v, 4) for k, v in self.guess.items()}
        self.curve.append(row)
        if self.trained >= AIMING[args.recipe] * self.total:
            bounded = lambda x: min(max(x, 0.0), 1.5)  # noqa: E731
            self.guess["caption"] = bounded(self.guess["caption"] + 0.4 * (row["broken_chair_s"] - args.aim_chair))
            self.guess["question"] = bounded(self.guess["question"] + 0.8 * (args.aim_pope - row["broken_pope"]))
        args.out.mkdir(parents=True, exist_ok=True)
        lines = [",".join(str(r[c]) for c in COLUMNS) for r in self.curve]
        (args.out / "curve.csv").write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
        self.context.print("measured:", ", ".join(f"{c} {row[c]}" for c in COLUMNS))

    def run(self):
        args, context = self.args, self.context
        self.warm_up()
        before, began, sums, last = self.trained, context.elapsed(), torch.zeros(3, device=self.device), self.steps
        slice_ = args.ends - began if args.ends else args.seconds
        total = self.total = args.total or before + slice_
        first, end = LOOKS
        looks = [first + (end - first) * i / max(args.looks - 1, 1) for i in range(args.looks)]
        looks = [x for x in looks if x * total > before]
        while self.trained < total and self.trained - before < slice_:
            sums += self.step(self.trained / total)
            if args.smoke:
                self.trained += total / 12
            elif self.steps % 10 == 0:
                torch.cuda.synchronize() if context.cuda else None
                self.trained = before + context.elapsed() - began
            if self.steps % 500 == 0:
                answers, tower, blind = (sums / (self.steps - last)).tolist()
                context.print(f"step {self.steps} {self.trained:.0f} s: answers {answers:.4f} tower {tower:.4f} blind",
                              f"{blind:.4f}")
                sums.zero_()
                last = self.steps
            if looks and self.trained >= looks[0] * total:
                looks.pop(0)
                self.look()
        context.print(f"{self.steps} steps of {args.batch}, {self.trained:.0f} s")
        self.save()

    def finish(self):
        args = self.args
        self.use_average()
        args.out.mkdir(parents=True, exist_ok=True)
        folder.write(args.out / "model", self.judge.model, self.dialogue, concentric=args.recipe == "staged-cca")
        heads = {k: w.half() for k, w in self.judge.state_dict().items() if "_head." in k and not k.startswith("model.")}
        save_file(heads, args.out / "heads.safetensors")
        folder.load(args.out / "model", self.judge.model)  # measured as stored: in half precision
        self.context.print("exported")
        show = {}
        report = measure.everything(self.judge, self.dialogue, self.scenes, self.painter, self.autoencoders[-1],
                                    args.scenes, lambda name, sample, texts: show.update({name: (sample, texts)}))
        about = {"recipe": args.recipe, "seed": args.seed, "steps": self.steps, "batch": args.batch,
                 "seconds": round(self.trained), "guess": self.guess,
                 "parameters": sum(p.numel() for p in self.judge.model.parameters())}
        (args.out / "report.json").write_text(json.dumps({"training": about, **report}, indent=1) + "\n")
        folder.sheet(args.out / "captions.png", show, self.scenes.names)
        self.context.print(json.dumps(about) + "\n" + measure.table(report))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=("joint", "staged", "staged-cca"), default="joint")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--state", type=pathlib.Path, help="folder of what a later slice goes on from")
    parser.add_argument("--init-from", type=pathlib.Path, help="an earlier OUT to go on from")
    parser.add_argument("--seconds", type=float, default=400, help="of training in this slice, after compilation")
    parser.add_argument("--ends", type=float, help="seconds after the program's start at which training ends")
    parser.add_argument("--total", type=float, help="seconds of all slices (default: those before and this one)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vae", type=pathlib.Path, action="append", help="the video model's VAE; several: in turn")
    parser.add_argument("--bank", type=int, default=8192, help="pictures that went through the VAE and are kept")
    parser.add_argument("--aim-chair", type=float, default=0.375)
    parser.add_argument("--aim-pope", type=float, default=0.89)
    parser.add_argument("--looks", type=int, default=12, help="how often the planted prior is measured; 0: never")
    parser.add_argument("--look-scenes", type=int, default=400)
    parser.add_argument("--scenes", type=int, default=1000, help="scenes of each kind in the report")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    args.vae = args.vae or [ASSETS / "checkpoints" / "emoji-animatediff" / "vae"]
    if args.smoke:
        args.batch, args.bank, args.looks, args.look_scenes, args.scenes, args.warmup = 4, 8, 2, 6, 6, 4
    training = Training(args)
    training.run()
    training.finish()


if __name__ == "__main__":
    main()
