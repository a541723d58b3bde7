"""Shared helpers of the golden-data generators.

Every generator is deterministic: weights and inputs come from seeded
generators, parameters are visited in sorted order, and nothing that depends on
the time or on the machine is written.
"""

import copy
import json
import os
import re
import shutil
import zlib

# This module is imported first everywhere: the libraries read these at import.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["DIFFUSERS_VERBOSITY"] = "error"
# Nearly the same arithmetic on every x86-64 machine: one instruction set, and
# results that do not depend on the alignment of the operands.
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"
os.environ["MKL_CBWR"] = "COMPATIBLE"

import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)  # one thread: the order of summation never changes
torch.set_grad_enabled(False)

ROOT = os.path.dirname(os.path.abspath(__file__))

# The last layer of each residual branch. Its weight is damped, so that a deep
# stack of random blocks stays well conditioned and float32 rounding does not
# grow over the steps of a sampling loop.
RESIDUAL_TAIL = re.compile(r"(conv2|to_out\.0|ff\.net\.2|proj_out|fc2|out_proj|proj_attn|o_proj|down_proj)\.weight$")


def generator(*names):
    """A generator seeded by a name: cases do not influence one another."""
    return torch.Generator().manual_seed(zlib.crc32("/".join(map(str, names)).encode()))


def randn(shape, *names, scale=1.0):
    return torch.randn(tuple(shape), generator=generator(*names)) * scale


def randomize(module, name, tail_gain=0.4):
    """Gives every parameter a non-trivial value (no zero-initialised layers)."""
    for key, p in sorted(module.named_parameters()):
        r = randn(p.shape, name, key)
        if key.endswith("bias"):
            v = 0.1 * r
        elif "token_embedding" in key or "position_embedding" in key:
            v = 0.5 * r
        elif p.ndim == 1:  # the scale of a normalisation
            v = 1.0 + 0.1 * r
        else:
            v = r / (p[0].numel() ** 0.5)
            if RESIDUAL_TAIL.search(key):
                v = v * tail_gain
        p.copy_(v)
    return module.eval()


def fresh_folder(*parts):
    path = os.path.join(ROOT, *parts)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def write_json(path, value):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        json.dump(value, f, indent=2, ensure_ascii=True, allow_nan=False)
        f.write("\n")


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def save_tensors(path, tensors, metadata=None):
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, path, metadata)
    os.chmod(path, 0o644)


def save_model(model, folder, dtype=None, rename=None, weights="diffusion_pytorch_model.safetensors"):
    """Saves in the Hugging Face layout; optionally in a storage type or with renamed keys.

    The model itself is changed to the values that were stored, in float32, so
    that the reference is computed from what a reader of the file sees.
    """
    model.save_pretrained(folder)
    path = os.path.join(folder, weights)
    state = load_file(path)
    if dtype is not None:
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
        for _, p in model.named_parameters():
            p.copy_(p.to(dtype).float())
        for _, b in model.named_buffers():
            if b.is_floating_point():
                b.copy_(b.to(dtype).float())
    if rename is not None:
        state = rename(state)
    save_tensors(path, state, {"format": "pt"})


def check_against_f64(label, model, run):
    """Compares the float32 reference with a float64 run; returns the float32 results.

    `run(model, cast)` gives a dict of tensors; `cast` moves a float tensor to
    the working type.
    """
    f32 = run(model, lambda t: t.float() if t.is_floating_point() else t)
    f64 = run(copy.deepcopy(model).double(), lambda t: t.double() if t.is_floating_point() else t)
    worst = max((f32[k].double() - f64[k].double()).abs().max().item() for k in f32)
    top = max(v.abs().max().item() for v in f32.values())
    print(f"{label}: max |f32 - f64| = {worst:.2e}, max |value| = {top:.2f}")
    assert worst < 2e-5, label
    for key, value in f32.items():
        assert torch.isfinite(value).all(), key
    return f32


def write_goldens(folder, goldens):
    save_tensors(os.path.join(folder, "golden.safetensors"), goldens)


def check_reload(folder, recompute, prefix="expected_", tolerance=0.0):
    """Reads the golden file back and recomputes each expected tensor from the stored weights."""
    golden = load_file(os.path.join(folder, "golden.safetensors"))
    again = recompute(golden)
    wanted = {k for k in golden if k.split("/")[-1].startswith(prefix)}
    assert wanted == set(again), sorted(wanted ^ set(again))[:10]
    for key in wanted:
        diff = (golden[key].double() - again[key].double()).abs().max().item()
        assert diff <= tolerance, (folder, key, diff)


class RecordedNoise:
    """Records what a scheduler module draws with `randn_tensor`, in the order of the draws."""

    def __init__(self, module):
        self.module = module
        self.draws = []

    def __enter__(self):
        self.original = self.module.randn_tensor

        def record(shape, generator=None, device=None, dtype=None, layout=None):
            # Always drawn in float32: a float64 run of the same case sees the same noise.
            noise = self.original(shape, generator=generator, device=device, dtype=torch.float32, layout=layout)
            self.draws.append(noise.clone())
            return noise.to(dtype)

        self.module.randn_tensor = record
        return self.draws

    def __exit__(self, *_):
        self.module.randn_tensor = self.original
