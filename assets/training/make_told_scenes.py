"""Writes assets/eval/sentences.jsonl: held-out sentences and what each states, for `reel eval world --prompts-file`.

    python make_told_scenes.py --by-hand FILE

Three of four are drawn, with a fixed seed, from templates and words that training never saw (`held_out_templates` and
`held_out_words` of assets/world/sentences.json). The others are kept from the present file, or read from FILE: lines
`sentence|object:motion,object|place`, where a motion or a place that is not written is open. They were written by hand,
by somebody who had not seen the templates.
"""
import argparse
import itertools
import json
import pathlib
import random

from world import DEFAULT_ROOT, World

OUT = DEFAULT_ROOT.parent / "eval" / "sentences.jsonl"
DRAWN, BY_HAND = "held-out templates", "written by hand"


def told(prompt, objects, motions, background, kind):
    line = {"prompt": prompt, "objects": objects, "motions": motions}
    if not any(motions):
        del line["motions"]
    if background:
        line["background"] = background
    return line | {"kind": kind}


def drawn(world, count, seed):
    """`count` sentences, two of five about two objects; everything uniform but templates, which come in turn."""
    dice = random.Random(seed)
    sentences = world.sentences(seed=seed, held_out_templates=True, held_out_words=True)
    turns = {n: itertools.cycle(pool) for n, pool in sentences.templates.items()}
    for i in range(count):
        n = 2 if i % 5 in (1, 3) else 1
        template = next(turns[n])
        sentences.templates = {n: [template]}
        objects = dice.sample(range(len(world.objects)), n)
        place = dice.randrange(len(world.backgrounds))
        known = sentences.lists["motions"]
        pool = [m for m, name in enumerate(world.motions) if "-adj}" not in template or "alone" in known[name]]
        acts = [dice.choice(pool) for _ in range(n)]
        text, template, shown = sentences.write(objects, acts, place)
        if "{AB-" in template:
            shown = [shown[0]] * 2
        said = ["{" + "AB"[k] + "-" in template.replace("-noun}", "}") or "{AB-" in template for k in range(n)]
        yield template, told(text, [world.objects[k] for k in objects],
                             [world.motions[shown[k]] if said[k] else "" for k in range(n)],
                             world.backgrounds[place] if "{P}" in template else "", DRAWN)


def by_hand(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        prompt, actors, place = line.split("|")
        pairs = [actor.partition(":") for actor in actors.split(",")]
        yield told(prompt, [p[0] for p in pairs], [p[2] for p in pairs], place, BY_HAND)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by-hand", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=15)
    args = parser.parse_args()
    world = World()
    if args.by_hand:
        others = list(by_hand(args.by_hand))
    else:
        others = [line for line in map(json.loads, OUT.read_text(encoding="utf-8").splitlines())
                  if line["kind"] == BY_HAND]
    templates, lines = zip(*drawn(world, args.count, args.seed))
    for line in others:  # typing errors show here
        assert all(o in world.objects for o in line["objects"]), line
        assert all(m in ["", *world.motions] for m in line.get("motions", [])), line
        assert line.get("background", world.backgrounds[0]) in world.backgrounds, line
    held = set(world.sentences().lists["held_out_words"])
    used = held & {word for line in lines for word in line["prompt"].split()}
    OUT.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *others]), encoding="utf-8")
    print(len(lines), "drawn from", len(set(templates)), "templates with", len(used), "held-out words;", len(others),
          "by hand")


if __name__ == "__main__":
    main()
