"""AutoencoderKL cases: moments of the encoder and images of the decoder."""

import os

from common import (ROOT, check_against_f64, check_reload, fresh_folder, randn, randomize, save_model,
                    write_goldens, write_json)

import torch
from diffusers import AutoencoderKL


def blocks(levels):
    return dict(down_block_types=["DownEncoderBlock2D"] * levels, up_block_types=["UpDecoderBlock2D"] * levels)


# `images` and `latents` are [batch, height, width].
CASES = {
    "four_levels": dict(
        config=dict(blocks(4), block_out_channels=[8, 12, 16, 16], layers_per_block=1, latent_channels=4,
                    norm_num_groups=4, sample_size=32, scaling_factor=0.18215),
        images=[(1, 24, 40)], latents=[(2, 3, 5)]),
    "three_levels_two_layers": dict(
        config=dict(blocks(3), block_out_channels=[8, 8, 16], layers_per_block=2, latent_channels=16,
                    norm_num_groups=8, sample_size=32, scaling_factor=0.3611, shift_factor=0.1159,
                    use_quant_conv=False, use_post_quant_conv=False),
        # The second image has sides that are not multiples of four.
        images=[(2, 16, 24), (1, 19, 13)], latents=[(1, 4, 6)]),
    "two_levels_no_mid_attention": dict(
        config=dict(blocks(2), block_out_channels=[12, 20], layers_per_block=1, latent_channels=3,
                    norm_num_groups=4, sample_size=16, mid_block_add_attention=False),
        images=[(1, 10, 18)], latents=[(1, 5, 9)]),
    "old_attention_names": dict(
        config=dict(blocks(2), block_out_channels=[8, 16], layers_per_block=2, latent_channels=4,
                    norm_num_groups=8, sample_size=16, in_channels=3, out_channels=3),
        images=[(1, 12, 8)], latents=[(1, 6, 4)], old_names=True),
    "half_stored": dict(
        config=dict(blocks(3), block_out_channels=[8, 16, 16], layers_per_block=1, latent_channels=4,
                    norm_num_groups=4, sample_size=16, use_post_quant_conv=False),
        images=[(1, 16, 8)], latents=[(3, 2, 3)], dtype=torch.float16),
}


def to_old_names(state):
    """Keys of files written before diffusers 0.18; they still load in the reference."""
    names = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    out = {}
    for key, value in state.items():
        if ".attentions." in key:
            for new, old in names.items():
                key = key.replace(new, old)
        out[key] = value
    return out


def run_model(model, tensors, cast=lambda t: t):
    results = {}
    for key, value in tensors.items():
        run, name = key.split("/")
        if name == "image":
            posterior = model.encode(cast(value)).latent_dist
            results[run + "/expected_moments"] = posterior.parameters
            results[run + "/expected_mean"] = posterior.mean
            results[run + "/expected_logvar"] = posterior.logvar  # clamped to [-30, 20]
        else:
            results[run + "/expected_image"] = model.decode(cast(value)).sample
    return results


def make_case(name, case):
    folder = fresh_folder("vae", name)
    model = randomize(AutoencoderKL(**case["config"]), "vae/" + name)
    save_model(model, folder, case.get("dtype"), to_old_names if case.get("old_names") else None)

    inputs = {}
    for i, (b, h, w) in enumerate(case["images"]):
        inputs[f"encode{i}/image"] = randn((b, 3, h, w), name, "image", i).clamp(-1, 1)
    for i, (b, h, w) in enumerate(case["latents"]):
        inputs[f"decode{i}/latent"] = randn((b, case["config"]["latent_channels"], h, w), name, "latent", i)
    expected = check_against_f64(name, model, lambda m, cast: run_model(m, inputs, cast))
    write_goldens(folder, {**inputs, **expected})
    check_reload(folder, lambda g: run_model(
        AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval(),
        {k: v for k, v in g.items() if "expected_" not in k}))


def main():
    for name, case in CASES.items():
        make_case(name, case)
    write_json(os.path.join(ROOT, "vae", "cases.json"), sorted(CASES))


if __name__ == "__main__":
    main()
