#!/usr/bin/env python3
"""Writes an AnimateDiff folder of full size (Stable Diffusion 1.5 with motion modules) with random weights, for
measuring speed: the numbers mean nothing, the shapes and layers are those of the public checkpoints.

    python benchmarks/make_animatediff.py OUT [--dtype f16]

About 2.8 GB in f16. The tokenizer is the tests' small one.
"""
import argparse
import os
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNetMotionModel
from diffusers import AnimateDiffPipeline
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--dtype", default="f16", choices=["f32", "f16", "bf16"])
    options = parser.parse_args()
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[options.dtype]
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(os.path.join(ROOT, "tests/golden/pipelines/merged_ddim/tokenizer"))
    unet = UNetMotionModel(
        sample_size=64, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, cross_attention_dim=768,
        num_attention_heads=8, motion_num_attention_heads=8, motion_max_seq_length=32, use_motion_mid_block=False,
        down_block_types=("CrossAttnDownBlockMotion",) * 3 + ("DownBlockMotion",),
        up_block_types=("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * 3)
    vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
                        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    text_encoder = CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
        max_position_embeddings=77, projection_dim=768, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False, steps_offset=1)
    for network in (unet, vae, text_encoder):
        network.to(dtype)
    if os.path.exists(options.out):
        shutil.rmtree(options.out)
    AnimateDiffPipeline(unet=unet, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, motion_adapter=None,
                        scheduler=scheduler, feature_extractor=None, image_encoder=None).save_pretrained(options.out)


if __name__ == "__main__":
    main()
