#!/usr/bin/env python3
"""What attention edits cost: the same video without and with each of them, in the same run.

    python benchmarks/compare_edits.py [--model DIR] [--edits broadway vstar:preset=64D1 ...] [--dtypes f32 bf16]

Edits act in every step here (steps=0-100%), unlike in use, so that the median step is an edited one. Each repeat starts
all variants as fresh processes, one after the other, in alternating order; ratios are taken within a repeat. Needs a
built reel and nothing else.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile

from compare_diffusers import ROOT, measured

METRICS = [("step", "a step"), ("host", "peak memory of the process"), ("device", "peak memory on the device")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", default=os.path.join(ROOT, "assets/checkpoints/emoji-animatediff"))
    parser.add_argument("--reel", default=os.path.join(ROOT, "build/cpu-release/app/reel"), help="the reel program")
    parser.add_argument("--edits", nargs="+", default=["vstar:preset=64D1_32D8", "broadway", "vstar:preset=64D1_32D8 broadway"],
                        help="variants; several edits of one variant are separated by spaces")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtypes", nargs="+", default=["f32", "bf16"], choices=["f32", "bf16", "f16"])
    parser.add_argument("--suffix", default=".mp4", help="format that reel writes; .y4m for builds without FFmpeg")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--frames", type=int, help="default: the model's")
    parser.add_argument("--size", help="WIDTHxHEIGHT; default: the model's")
    parser.add_argument("--json", metavar="FILE", help="also write every measurement")
    return parser.parse_args()


def run(options, dtype, edits, folder):
    command = [options.reel, "generate", "a rocket moving up in space", "--seed", "1", "--model", options.model, "--dtype", dtype,
               "--device", options.device, "--threads", str(options.threads), "--steps", str(options.steps), "-o",
               os.path.join(folder, "video" + options.suffix), "-y", "--json"]
    for name in ("frames", "size"):
        if getattr(options, name):
            command += ["--" + name, str(getattr(options, name))]
    for edit in edits.split():
        command += ["--edit", edit + "@steps=0-100%"]
    output, _, peak = measured(command, options.threads)
    report = json.loads(output)
    for edit in report["edits"]:
        if edit["path"] != "fused":
            sys.exit(f"{edit['edit']} ran on the {edit['path']} path, which is not what this measures")
    return {"step": report["seconds"]["step_median"], "host": peak, "device": report["peak_bytes"]["device"]}


def main():
    options = arguments()
    variants, results = ["", *options.edits], []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in options.dtypes:
            run(options, dtype, "", folder)  # warms the file cache
            rounds = []
            for repeat in range(options.repeats):
                order = variants if repeat % 2 == 0 else variants[::-1]
                rounds.append({edits: run(options, dtype, edits, folder) for edits in order})
                print(f"  {dtype} {repeat + 1}/{options.repeats}", file=sys.stderr, flush=True)
            results.append({"dtype": dtype, "rounds": rounds})
    for result in results:
        rounds = result["rounds"]
        plain = statistics.median(r[""]["step"] for r in rounds)
        print(f"\n| {result['dtype']}; a step unedited: {plain:.4f} s | " + " | ".join(text for _, text in METRICS) + " |")
        print("|---" * (1 + len(METRICS)) + "|")
        for edits in options.edits:
            cells = []
            for key, _ in METRICS:
                ratios = [r[edits][key] / r[""][key] for r in rounds if r[""][key]]
                cells.append(f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})" if ratios else "-")
            print(f"| `{edits}` | " + " | ".join(cells) + " |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"options": vars(options), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
