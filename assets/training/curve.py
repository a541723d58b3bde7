"""The learning curve: what the model makes of fixed prompts while it is trained, one line of a CSV a look."""
import csv
import time

import torch

from judge import load_judge
from sample import SHOWN, generate
from shape import kept
from world import World, contact_sheet


def join(scenes):
    return {k: torch.cat([s[k] for s in scenes]) for k in scenes[0]}


def said_scenes(world, sentences, n):
    """n scenes told in plain sentences: scene, prompts, templates."""
    scene = world.draw(n)
    acts, prompts, templates = scene["motion"].tolist(), [], []
    for i, count in enumerate(scene["count"].tolist()):
        text, template, shown = sentences.write(scene["object"][i, :count].tolist(), acts[i][:count],
                                                scene["background"][i].item())
        acts[i][:count] = shown
        prompts.append(text)
        templates.append(template)
    scene["motion"] = torch.tensor(acts, device=world.device)
    return world.animate(scene), prompts, templates


def stated(template, k):
    """Whether a template says what object k (0 or 1) does."""
    return "{" + "AB"[k] + "-" in template or "{AB-" in template


@torch.no_grad()
def answers(judge, video):
    parts = [judge(part) for part in video.float().split(64)]
    objects = [torch.cat([a[0][k] for a in parts]).argmax(1).tolist() for k in (0, 1)]
    motions = [torch.cat([a[1][k] for a in parts]).argmax(1).tolist() for k in (0, 1)]
    return objects, motions, torch.cat([a[2] for a in parts]).argmax(1).tolist()


def right(found, scene, i, template=None):
    """Whether video i shows everything that its prompt states: all, objects, motions, background."""
    objects, motions, background = found
    count = int(scene["count"][i])
    o = all(objects[k][i] == scene["object"][i, k] for k in range(count))
    m = all(motions[k][i] == scene["motion"][i, k] for k in range(count) if template is None or stated(template, k))
    b = background[i] == scene["background"][i] if template is None or "{P}" in template else True
    return bool(o and m and b), bool(o), bool(m), bool(b)


class Curve:
    def __init__(self, args, context, tokens):
        self.args, self.context, self.tokens = args, context, tokens
        self.path, self.began = args.out / "curve.csv", time.time()

    @torch.no_grad()
    def look(self, unet, text_encoder, vae, step, loss, each=8, said=24, guidance=3.0, keep=None):
        """Adds a line, writes a picture; `each` videos a motion, `said` sentences of either kind. keep: called with
        (name, prompts, scene, video) of every group."""
        args, context = self.args, self.context
        begun = time.time()
        torch.backends.cudnn.benchmark = False  # too many shapes for trying all ways
        world = World(context.device, 4242)
        steps = 2 if args.smoke else 25
        make = lambda prompts, seed: generate(unet, text_encoder, vae, self.tokens, prompts, context.device,  # noqa: E731
                                              context.dtype, steps, guidance, seed=seed, batch=64)
        judge_file = args.state / "judge.safetensors"
        judge = load_judge(judge_file, context.device) if judge_file.exists() else None
        row = {"step": step, "seconds": round(context.elapsed()), "loss": round(loss, 4)}
        scenes = []
        for m in range(len(world.motions)):
            scene = world.draw(each, 1)
            scene["motion"][:] = m
            scenes.append(world.animate(scene))
        scene = join(scenes)
        prompts = world.captions(scene)
        video = make(prompts, 5)
        found = answers(judge, video) if judge else None
        shares, errors = kept(world, video, scene)
        for m, name in enumerate(world.motions):
            where = range(m * each, (m + 1) * each)
            if judge:
                row[f"{name} right"] = round(sum(right(found, scene, i)[0] for i in where) / each, 3)
            row[f"{name} shape error"] = round(sum(errors[i] for i in where) / each, 4)
        if keep:
            keep("single", prompts, scene, video)
        for kind, options in (("sentences", {}), ("held out", {"held_out_templates": True, "held_out_words": True})):
            scene, prompts, templates = said_scenes(world, world.sentences(seed=1, **options), said)
            video = make(prompts, 6)
            if judge:
                found = answers(judge, video)
                marks = [right(found, scene, i, templates[i]) for i in range(said)]
                for j, part in enumerate(("right", "objects", "motions", "places")):
                    row[f"{kind} {part}"] = round(sum(mark[j] for mark in marks) / said, 3)
                wrong = [p for p, mark in zip(prompts, marks) if not mark[0]]
                context.print(f"{kind}, wrong:", wrong[:12])
            if keep:
                keep(kind, prompts, scene, video)
        shown = SHOWN[:1] if args.smoke else SHOWN + [f"a {name} spinning on grass" for name in ("dog", "bus", "fox")]
        contact_sheet(make(shown, 3), args.out / f"sample_{step}.png")
        torch.backends.cudnn.benchmark = context.cuda
        row["guidance"] = guidance
        context.print(f"look in {time.time() - begun:.0f} s:", row)
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
