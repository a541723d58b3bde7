#!/usr/bin/env python3
"""reel against diffusers: the same weights, prompt, start noise, steps and threads, in the same run.

    python benchmarks/compare_diffusers.py [--model DIR] [--dtypes f32 bf16] [--repeats 5] [--json FILE]

Each repeat starts both programs as fresh processes, one after the other, in alternating order; ratios are taken within a
repeat and their median is reported, so that a slow minute of the machine hurts both. See benchmarks/README.md for what
the numbers mean. Needs benchmarks/requirements.txt and a built reel.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "diffusers_peer.py")

# key, what it is, unit
METRICS = [
    ("step", "one denoising step, median", "s"),
    ("first_step", "process start to first step", "s"),
    ("decode", "VAE decoding", "s"),
    ("total", "process start to end", "s"),
    ("peak_rss", "peak resident memory", "MiB"),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", default=os.path.join(ROOT, "assets/checkpoints/emoji-animatediff"),
                        help="pipeline folder in the diffusers layout")
    parser.add_argument("--reel", default=os.path.join(ROOT, "build/cpu-release/app/reel"), help="the reel program")
    parser.add_argument("--python", default=sys.executable, help="a Python that has diffusers")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, for both programs")
    parser.add_argument("--dtypes", nargs="+", default=["f32", "bf16"], choices=["f32", "bf16", "f16"])
    parser.add_argument("--suffix", default=".mp4", help="format that reel writes; .y4m for builds without FFmpeg")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", default="a rocket moving up in space")
    parser.add_argument("--seed", type=int, default=1, help="of the start noise")
    for name, fallback in (("steps", 20), ("frames", 16), ("height", 128), ("width", 128), ("guidance", 7.5)):
        parser.add_argument("--" + name, type=type(fallback),
                            help=f"default: generation_config.json of the model, else {fallback}")
    parser.add_argument("--json", metavar="FILE", help="also write every measurement as JSON; - for standard output")
    options = parser.parse_args()
    try:
        with open(os.path.join(options.model, "generation_config.json"), encoding="utf-8") as file:
            given = json.load(file)
    except FileNotFoundError:
        given = {}
    for name, key, fallback in (("steps", "num_inference_steps", 20), ("frames", "num_frames", 16), ("height", "height", 128),
                                ("width", "width", 128), ("guidance", "guidance_scale", 7.5)):
        if getattr(options, name) is None:
            setattr(options, name, given.get(key, fallback))
    return options


def measured(command, threads, on_line=None):
    """Runs a program; returns its standard output, seconds from start to end, and peak resident bytes."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    start = time.monotonic()
    environment["BENCHMARK_START"] = repr(start)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True,
                                   env=environment)
        errors = []
        for line in process.stderr:
            errors.append(line)
            if on_line:
                on_line(line, time.monotonic() - start)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}\nended with {process.returncode}:\n{''.join(errors[-20:])}")
        output.seek(0)
        return output.read(), seconds, usage.ru_maxrss * 1024


def run_reel(options, dtype, folder, latents=None):
    first = []

    def watch(line, seconds):
        if first or '"step"' not in line:
            return
        event = json.loads(line)
        if event["stage"] == "step" and event["done"] == 0 and event["node"] == "sampler":
            first.append(seconds)

    command = [options.reel, "generate", options.prompt, "--model", options.model, "--dtype", dtype, "--device", options.device,
               "--threads", str(options.threads), "--steps", str(options.steps), "--frames", str(options.frames), "--size",
               f"{options.width}x{options.height}", "--guidance", str(options.guidance), "--guidance-rescale", "0",
               "--init-latents", os.path.join(folder, "noise.safetensors"), "-o", os.path.join(folder, "reel" + options.suffix), "-y",
               "--json", "--progress", "json"]
    if latents:
        command += ["--save-tensors", latents]
    output, total, peak = measured(command, options.threads, watch)
    seconds = json.loads(output)["seconds"]
    if not first:
        sys.exit("reel reported no first step on standard error (--progress json)")
    return {"step": seconds["step_median"], "first_step": first[0], "decode": seconds["decode"], "total": total, "peak_rss": peak}


def run_diffusers(options, dtype, folder, latents=None):
    job = {"model": options.model, "device": options.device, "dtype": dtype, "threads": options.threads, "prompt": options.prompt, "steps": options.steps,
           "frames": options.frames, "height": options.height, "width": options.width, "guidance": options.guidance,
           "noise": os.path.join(folder, "noise.safetensors"), "latents": latents}
    output, total, peak = measured([options.python, PEER, "generate", json.dumps(job)], options.threads)
    return {**json.loads(output.strip().splitlines()[-1]), "total": total, "peak_rss": peak}


def peer(options, *words):
    return subprocess.run([options.python, PEER, *words], check=True, capture_output=True, text=True).stdout.strip()


def compare(options, dtype, folder):
    """One unmeasured run of both, which also compares their latents, then the measured pairs."""
    ours, theirs = os.path.join(folder, "reel.safetensors"), os.path.join(folder, "diffusers.safetensors")
    run_reel(options, dtype, folder, ours)
    run_diffusers(options, dtype, folder, theirs)
    difference = float(peer(options, "difference", ours, theirs))
    programs = {"reel": run_reel, "diffusers": run_diffusers}
    pairs = []
    for repeat in range(options.repeats):
        order = ["reel", "diffusers"] if repeat % 2 == 0 else ["diffusers", "reel"]
        pairs.append({name: programs[name](options, dtype, folder) for name in order})
        step = {name: pairs[-1][name]["step"] for name in programs}
        print(f"  {dtype} {repeat + 1}/{options.repeats}: a step {step['reel']:.3f} s, diffusers {step['diffusers']:.3f} s",
              file=sys.stderr, flush=True)
    return {"dtype": dtype, "latent_difference": difference, "pairs": pairs}


def summary(result):
    rows = {}
    for key, _, _ in METRICS:
        ratios = [pair["reel"][key] / pair["diffusers"][key] for pair in result["pairs"]]
        rows[key] = {"reel": statistics.median(pair["reel"][key] for pair in result["pairs"]),
                     "diffusers": statistics.median(pair["diffusers"][key] for pair in result["pairs"]),
                     "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return rows


def print_tables(options, results, stream):
    print(f"{options.frames} frames of {options.width}x{options.height}, {options.steps} steps, guidance {options.guidance:g}, "
          f"{options.threads} threads, {options.repeats} pairs; medians\n", file=stream)
    for result in results:
        print(f"| {result['dtype']} | reel | diffusers | reel / diffusers | lowest to highest |", file=stream)
        print("|---|---|---|---|---|", file=stream)
        for key, text, unit in METRICS:
            row, scale = result["summary"][key], (1 << 20 if unit == "MiB" else 1)
            digits = 0 if unit == "MiB" else 3
            print(f"| {text} | {row['reel'] / scale:.{digits}f} {unit} | {row['diffusers'] / scale:.{digits}f} {unit} | "
                  f"{row['ratio']:.2f} | {row['lowest']:.2f} to {row['highest']:.2f} |", file=stream)
        print(f"\nlargest difference of the final latents: {result['latent_difference']:.2g}\n", file=stream)


def main():
    options = arguments()
    for path in (options.model, options.reel):
        if not os.path.exists(path):
            sys.exit(f"{path} does not exist; see --help, and scripts/demo.sh to build reel")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        shape = json.dumps({"model": options.model, "frames": options.frames, "height": options.height, "width": options.width,
                            "seed": options.seed})
        peer(options, "noise", shape, os.path.join(folder, "noise.safetensors"))
        for dtype in options.dtypes:
            results.append(compare(options, dtype, folder))
            results[-1]["summary"] = summary(results[-1])
    print_tables(options, results, sys.stderr if options.json == "-" else sys.stdout)
    if options.json:
        document = {"options": vars(options), "cpu": cpu_name(), "results": results}
        text = json.dumps(document, indent=1)
        if options.json == "-":
            print(text)
        else:
            with open(options.json, "w", encoding="utf-8") as file:
                file.write(text + "\n")


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return "unknown"


if __name__ == "__main__":
    main()
