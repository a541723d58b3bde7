#!/usr/bin/env python3
"""Writes a VideoCrafter2 folder of full size (its original lvdm layout, one file) with random weights, for measuring speed:
the numbers mean nothing, the UNet's and the autoencoder's shapes and layers are those of the public checkpoint.

    python benchmarks/make_videocrafter2.py OUT

About 3 GB in f16. The tokenizer and the depth of the text tower are the tests' small ones.
"""
import os
import shutil
import sys

import torch
from safetensors.torch import save_file

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(ROOT, "tests/golden")
sys.path.insert(0, GOLDEN)

from lvdm_model import LvdmUNet  # noqa: E402
from make_lvdm import original_vae_name, text_tower, vae_of  # noqa: E402

VAE = dict(block_out_channels=[128, 256, 512, 512], layers_per_block=2, latent_channels=4)


def main():
    out = sys.argv[1]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device("meta"):
        unet, vae = LvdmUNet(), vae_of(VAE)
    shapes = {"model.diffusion_model." + name: list(value.shape) for name, value in unet.state_dict().items()}
    for name, value in vae.state_dict().items():
        linear = ".attentions." in name and value.ndim == 2
        shapes["first_stage_model." + original_vae_name(name, 4)] = list(value.shape) + [1, 1] * linear
    torch.manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            value = torch.full(shape, 0.0 if name.endswith("bias") else 1.0)
        else:
            value = torch.randn(shape, device=device) * (0.5 / torch.Size(shape[1:]).numel() ** 0.5)
        state[name] = value.half().cpu()
    state.update({"cond_stage_model.model." + name: value.contiguous() for name, value in text_tower(1024).items()})
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(os.path.join(GOLDEN, "lvdm/conditioned_on_fps/tokenizer"), os.path.join(out, "tokenizer"))
    save_file(state, os.path.join(out, "model.safetensors"))


if __name__ == "__main__":
    main()
