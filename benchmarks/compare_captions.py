#!/usr/bin/env python3
"""reel against transformers as captioners: the same weights, pictures, prompt and threads, in the same run.

    python benchmarks/compare_captions.py [--model DIR] [--pictures 64] [--batches 1 16] [--dtypes f32 bf16] [--repeats 3]

Each repeat starts both programs as fresh processes, in alternating order; ratios are taken within a repeat, and their
median is printed (above 1: reel is faster). Captions a second leave out the start of the process and loading; the time to
the first caption has both. The pictures are drawn here: noise over smooth colours, no two alike. In f32 the texts of both
must be equal. `--new-tokens N --forced` writes exactly N tokens for each picture, whatever the model says.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", default=os.path.join(ROOT, "assets/checkpoints/emoji-llava"))
    parser.add_argument("--reel", default=os.path.join(ROOT, "build/cpu-release/app/reel"))
    parser.add_argument("--python", default=sys.executable, help="a Python that has transformers")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--dtypes", nargs="+", default=["f32", "bf16"], choices=["f32", "bf16"])
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--forced", action="store_true")
    parser.add_argument("--prompt", default="Describe the image.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def draw(folder, options):
    random = numpy.random.default_rng(1)
    y, x = numpy.mgrid[0:options.side, 0:options.side] / options.side
    names = []
    for i in range(options.pictures):
        a, b, c = random.uniform(-6, 6, (3, 3))
        smooth = numpy.sin(a * x[..., None] + b * y[..., None] + c) * 100 + 128
        picture = numpy.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(numpy.uint8)
        names.append(os.path.join(folder, f"p{i:04}.png"))
        Image.fromarray(picture).save(names[-1])
    return names


def run(command, threads):
    start = time.monotonic()
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), BENCHMARK_START=repr(start))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    first, lines = None, []
    for line in process.stdout:
        first = first or time.monotonic() - start
        lines.append(line)
    errors = process.stderr.read()
    if process.wait() != 0:
        sys.exit(f"{' '.join(command[:8])} ...\n{errors[-2000:]}")
    return lines, first, errors


def run_reel(options, names, batch, dtype):
    command = [options.reel, "caption", *names, "--model", options.model, "--batch", str(batch), "--dtype", dtype, "--threads",
               str(options.threads), "--max-new-tokens", str(options.new_tokens), "--prompt", options.prompt, "--verbose"]
    if options.forced:
        command += ["--force-tokens", options.forced_file]
    lines, first, errors = run(command, options.threads)
    found = [json.loads(line) for line in lines]
    words = errors.strip().splitlines()[-1].split()  # N inputs in S s, of which loading took L s
    return {"first_s": first, "caption_s": float(words[3]) - float(words[-2]), "tokens": sum(f["tokens"] for f in found),
            "texts": [f["caption"] for f in found]}


def run_peer(options, names, batch, dtype):
    command = [options.python, os.path.join(HERE, "captions_peer.py"), options.model, *names, "--batch", str(batch), "--dtype",
               dtype, "--new-tokens", str(options.new_tokens), "--prompt", options.prompt] + ["--forced"] * options.forced
    return json.loads(run(command, options.threads)[0][-1])


def main():
    options = arguments()
    print(f"{options.pictures} pictures, {options.threads} threads; medians of {options.repeats} repeats; ratio above 1: reel is better")
    with tempfile.TemporaryDirectory() as folder:
        names = draw(folder, options)
        if options.forced:
            from safetensors.numpy import save_file
            options.forced_file = os.path.join(folder, "forced.safetensors")
            save_file({"ids": numpy.arange(10, 10 + options.new_tokens) % 200 + 10}, options.forced_file)
        for dtype in options.dtypes:
            for batch in options.batches:
                pairs = []
                for repeat in range(options.repeats):
                    sides = [run_reel, run_peer] if repeat % 2 == 0 else [run_peer, run_reel]
                    results = {side: side(options, names, batch, dtype) for side in sides}
                    pairs.append((results[run_reel], results[run_peer]))
                rate = lambda r: options.pictures / r["caption_s"]  # noqa: E731
                reel, peer = (statistics.median(rate(p[k]) for p in pairs) for k in (0, 1))
                ratio = statistics.median(rate(a) / rate(b) for a, b in pairs)
                tokens = statistics.median((a["tokens"] / a["caption_s"]) / (b["tokens"] / b["caption_s"]) for a, b in pairs)
                start = statistics.median(a["first_s"] / b["first_s"] for a, b in pairs)
                equal = sum(x == y for x, y in zip(pairs[0][0]["texts"], pairs[0][1]["texts"]))
                print(f"{dtype} batch {batch:3}: captions/s {reel:8.2f} against {peer:8.2f}, ratio {ratio:.2f}; tokens/s ratio "
                      f"{tokens:.2f}; first caption {start:.2f} of the peer's time; equal texts {equal}/{options.pictures}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
