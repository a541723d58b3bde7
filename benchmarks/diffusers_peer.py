"""The diffusers half of compare_diffusers.py, run as a process of its own.

    diffusers_peer.py noise JSON FILE        start noise of unit variance for a model
    diffusers_peer.py generate JSON          one video; prints its measurements as one JSON object
    diffusers_peer.py difference FILE FILE   largest absolute difference of two files' `latents`
"""
import json
import os
import sys
import time


def noise(job, path):
    import torch
    from safetensors.torch import save_file

    def config(component):
        with open(os.path.join(job["model"], component, "config.json"), encoding="utf-8") as file:
            return json.load(file)

    vae = config("vae")
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    shape = (1, config("unet")["in_channels"], job["frames"], job["height"] // factor, job["width"] // factor)
    save_file({"latents": torch.randn(shape, generator=torch.Generator().manual_seed(job["seed"]))}, path)


def generate(job):
    start = float(os.environ["BENCHMARK_START"])  # the parent's clock, which is the machine's
    import torch

    torch.set_num_threads(job["threads"])
    from diffusers import AnimateDiffPipeline
    from safetensors.torch import load_file, save_file

    dtype = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[job["dtype"]]
    pipe = AnimateDiffPipeline.from_pretrained(job["model"], torch_dtype=dtype).to(job["device"])
    cuda = job["device"].startswith("cuda")
    if cuda and dtype == torch.float32:  # exact on both sides
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    pipe.set_progress_bar_config(disable=True)
    marks, decode = [], []

    def now():
        if cuda:
            torch.cuda.synchronize()  # the GPU works behind its caller
        return time.monotonic()

    def first_forward(*_):
        if not marks:
            marks.append(now())

    last = {}

    def step_done(_, index, timestep, tensors):
        marks.append(now())
        last["latents"] = tensors["latents"]
        return tensors

    plain_decode = pipe.decode_latents

    def timed_decode(*args, **kwargs):
        begin = now()
        frames = plain_decode(*args, **kwargs)
        decode.append(now() - begin)
        return frames

    pipe.decode_latents = timed_decode
    pipe.unet.register_forward_pre_hook(first_forward)
    latents = load_file(job["noise"])["latents"].to(job["device"], dtype)
    pipe(prompt=job["prompt"], num_frames=job["frames"], height=job["height"], width=job["width"],
         num_inference_steps=job["steps"], guidance_scale=job["guidance"], latents=latents, output_type="np",
         callback_on_step_end=step_done)
    steps = sorted(after - before for before, after in zip(marks, marks[1:]))
    if job["latents"]:
        save_file({"latents": last["latents"].float().cpu().contiguous()}, job["latents"])
    measured = {"step": steps[len(steps) // 2], "first_step": marks[0] - start, "decode": sum(decode)}
    if cuda:
        measured["peak_device"] = torch.cuda.max_memory_allocated()
    print(json.dumps(measured))


def difference(first, second):
    from safetensors.torch import load_file

    print(float((load_file(first)["latents"].float() - load_file(second)["latents"].float()).abs().max()))


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "noise":
        noise(json.loads(words[0]), words[1])
    elif command == "generate":
        generate(json.loads(words[0]))
    elif command == "difference":
        difference(*words)
    else:
        sys.exit(__doc__)
