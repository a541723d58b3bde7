"""Checkpoints in the layout of VideoCrafter2 (lvdm): UNet, autoencoder and text tower in one file."""

import json
import os
import re

from common import (check_against_f64, fresh_folder, randn, randomize, save_tensors, write_goldens, write_json)

import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

from lvdm_model import LvdmUNet
from tokenizer_files import write_tokenizer

MERGES, VOCAB = 300, 814

UNET = dict(model_channels=8, channel_mult=(1, 2, 2), num_res_blocks=1, attention_resolutions=(1, 2),
            num_head_channels=4, context_dim=64, groups=4)
VAE = dict(block_out_channels=[8, 16, 12], layers_per_block=1, latent_channels=4, norm_num_groups=4)

CASES = {
    "conditioned_on_fps": dict(unet=UNET, prefix="", runs=[
        dict(batch=2, frames=3, height=8, width=12, fps=28), dict(batch=1, frames=5, height=4, width=8, fps=8.5),
        dict(batch=2, frames=3, height=4, width=4, fps=16, per_frame=True)]),
    # Saved by a training framework, in half precision; neither frame rate nor a first transformer, so the width of
    # heads must be told.
    "plain_half_stored": dict(
        unet=dict(UNET, channel_mult=(1, 3), num_res_blocks=2, attention_resolutions=(2,), fps_cond=False,
                  addition_attention=False, num_head_channels=8),
        prefix="_forward_module.", dtype=torch.float16, stated=dict(num_head_channels=8),
        runs=[dict(batch=1, frames=7, height=6, width=10, fps=None)]),
}
# VideoCrafter2's structure (configs/inference_t2v_512_v2.0.yaml) at a tenth of its width, SD's autoencoder at a quarter.
STRUCTURE_UNET = dict(model_channels=32, num_head_channels=8, context_dim=64)
STRUCTURE_VAE = dict(block_out_channels=[32, 64, 128, 128], layers_per_block=2, latent_channels=4)


def vae_of(config):
    levels = len(config["block_out_channels"])
    return AutoencoderKL(down_block_types=["DownEncoderBlock2D"] * levels, up_block_types=["UpDecoderBlock2D"] * levels,
                         sample_size=16, **config)


def original_vae_name(name, levels):
    """The name of an AutoencoderKL's tensor in latent diffusion's original code."""
    name = re.sub(r"decoder\.up_blocks\.(\d)", lambda m: f"decoder.up.{levels - 1 - int(m[1])}", name)
    for pattern, original in ((r"\.down_blocks\.", ".down."), (r"mid_block\.resnets\.0", "mid.block_1"),
                              (r"mid_block\.resnets\.1", "mid.block_2"), (r"\.resnets\.", ".block."),
                              (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
                              (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
                              (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
                              (r"(down|up)samplers\.0", r"\1sample"), ("conv_norm_out", "norm_out"),
                              ("conv_shortcut", "nin_shortcut")):
        name = re.sub(pattern, original, name)
    return name


def original_vae(vae):
    levels = len(vae.config.block_out_channels)
    state = {}
    for name, value in vae.state_dict().items():
        linear = ".attentions." in name and value.ndim == 2
        state[original_vae_name(name, levels)] = value[:, :, None, None] if linear else value
    back = convert_ldm_vae_checkpoint({"first_stage_model." + k: v for k, v in state.items()}, vae.config)
    assert back.keys() == vae.state_dict().keys()
    assert all(torch.equal(back[k], v) for k, v in vae.state_dict().items())
    return state


def text_tower(width, layers=2):
    """OpenCLIP's text tower under its names."""
    shapes = {"token_embedding.weight": (VOCAB, width), "positional_embedding": (77, width), "ln_final.weight": (width,),
              "ln_final.bias": (width,), "text_projection": (width, width), "logit_scale": ()}
    for i in range(layers):
        block = f"transformer.resblocks.{i}."
        shapes.update({block + "ln_1.weight": (width,), block + "ln_1.bias": (width,),
                       block + "ln_2.weight": (width,), block + "ln_2.bias": (width,),
                       block + "attn.in_proj_weight": (3 * width, width), block + "attn.in_proj_bias": (3 * width,),
                       block + "attn.out_proj.weight": (width, width), block + "attn.out_proj.bias": (width,),
                       block + "mlp.c_fc.weight": (4 * width, width), block + "mlp.c_fc.bias": (4 * width,),
                       block + "mlp.c_proj.weight": (width, 4 * width), block + "mlp.c_proj.bias": (width,)})
    tensors = {k: randn(s, "lvdm tower", k, scale=s[-1] ** -0.5 if len(s) > 1 else 0.1) for k, s in shapes.items()}
    return {k: (t + 1 if ".ln_" in k and k.endswith("weight") or k == "ln_final.weight" else t).half()
            for k, t in tensors.items()}


def whole(unet, vae, context, prefix=""):
    """The tensors of a checkpoint: three components, and buffers of the sampler."""
    parts = {"model.diffusion_model.": unet.state_dict(), "first_stage_model.": original_vae(vae),
             "cond_stage_model.model.": text_tower(context),
             "": {"betas": torch.zeros(1000), "alphas_cumprod": torch.zeros(1000), "scale_arr": torch.zeros(1400)}}
    return {prefix + part + name: value for part, state in parts.items() for name, value in state.items()}


def as_unet_3d(model, config):
    """The same weights as a UNet3DConditionModel, by the pairing of docs/adr/0004."""
    levels, each = len(config["channel_mult"]), config["num_res_blocks"] + 1
    attends = [2 ** i in config["attention_resolutions"] for i in range(levels)]
    oracle = UNet3DConditionModel(
        block_out_channels=[m * config["model_channels"] for m in config["channel_mult"]],
        layers_per_block=config["num_res_blocks"], norm_num_groups=config["groups"],
        cross_attention_dim=config["context_dim"], attention_head_dim=config["num_head_channels"],
        down_block_types=["CrossAttnDownBlock3D" if a else "DownBlock3D" for a in attends],
        up_block_types=["CrossAttnUpBlock3D" if a else "UpBlock3D" for a in reversed(attends)])
    outside = {"time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
               "input_blocks.0.0": "conv_in", "init_attn.0": "transformer_in", "out.0": "conv_norm_out",
               "out.2": "conv_out"}
    resnet = {"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
              "out_layers.3": "conv2", "skip_connection": "conv_shortcut"}
    state = {}
    for name, value in model.state_dict().items():
        for old, new in outside.items():
            if name.startswith(old + "."):
                target = new + name[len(old):]
                break
        else:
            if name.startswith("fps_embedding"):
                continue
            where, *rest = re.match(r"(input_blocks|output_blocks|middle_block)\.(.*)", name).groups()
            numbers, rest = re.match(r"((?:\d+\.)+)(.*)", rest[0]).groups()
            numbers = [int(n) for n in numbers.rstrip(".").split(".")]
            if where == "middle_block":
                stage, index, part = "mid_block", numbers[0] // 3, numbers[0] % 3
            else:
                block, part = numbers[0] - (where == "input_blocks"), numbers[1]
                stage = f"{'down' if where == 'input_blocks' else 'up'}_blocks.{block // each}"
                index = block % each
            if rest.startswith("op."):
                target = f"{stage}.downsamplers.0.conv{rest[2:]}"
            elif rest.startswith("conv."):
                target = f"{stage}.upsamplers.0.{rest}"
            elif rest.startswith("temopral_conv."):
                target = f"{stage}.temp_convs.{index}{rest[13:]}"
            elif part == 0:
                key = next(k for k in resnet if rest.startswith(k + "."))
                target = f"{stage}.resnets.{index}.{resnet[key]}{rest[len(key):]}"
            else:
                target = f"{stage}.{('attentions', 'temp_attentions')[part - 1]}.{index}.{rest}"
        shape = oracle.state_dict()[target].shape
        state[target] = value.reshape(shape)  # convolutions of width 1 are linear layers there
    if model.init_attn is None:  # then the oracle's must add nothing
        for key, value in oracle.state_dict().items():
            if key.startswith("transformer_in."):
                state[key] = torch.zeros_like(value)
    oracle.load_state_dict(state)
    return oracle.eval()


def check_against_diffusers(name, model, config):
    """Without its frame rate the network must be diffusers'."""
    last = model.fps_embedding[2] if model.fps_embedding is not None else None
    kept = [p.clone() for p in last.parameters()] if last is not None else []
    for p in last.parameters() if last is not None else []:
        p.zero_()
    oracle = as_unet_3d(model, config)
    x, context = randn((2, 4, 3, 8, 8), name, "oracle"), randn((2, 5, config["context_dim"]), name, "oracle context")
    ours, theirs = model(x, torch.tensor([77]), context, fps=24), oracle(x, torch.tensor([77]), context).sample
    worst = (ours - theirs).abs().max().item()
    print(f"{name}: max |lvdm - diffusers| = {worst:.2e}")
    assert worst < 1e-5
    for p, value in zip(last.parameters() if last is not None else [], kept):
        p.copy_(value)


def make_case(name, case):
    folder = fresh_folder("lvdm", name)
    config = case["unet"]
    model = randomize(LvdmUNet(**config), name)
    vae = randomize(vae_of(VAE), name + "/vae")
    if "dtype" in case:
        for p in [*model.parameters(), *vae.parameters()]:
            p.copy_(p.to(case["dtype"]).float())
    check_against_diffusers(name, model, config)

    inputs = {}
    for i, run in enumerate(case["runs"]):
        key, batch, frames = f"run{i}/", run["batch"], run["frames"]
        contexts = batch * frames if run.get("per_frame") else batch
        inputs[key + "sample"] = randn((batch, 4, frames, run["height"], run["width"]), name, key, "x")
        inputs[key + "timestep"] = torch.tensor([981, 21][:batch])
        inputs[key + "encoder_hidden_states"] = randn((contexts, 5, config["context_dim"]), name, key, "context")

    def forward(model, cast):
        results = {}
        for i, run in enumerate(case["runs"]):
            key = f"run{i}/"
            context = cast(inputs[key + "encoder_hidden_states"])
            if run.get("per_frame"):
                context = context.unflatten(0, (run["batch"], run["frames"]))
            results[key + "expected_sample"] = model(cast(inputs[key + "sample"]), inputs[key + "timestep"], context,
                                                     run["fps"])
        return results

    def decode(vae, cast):
        return {"decode/expected_image": vae.decode(cast(latent)).sample, "encode/expected_mean":
                vae.encode(cast(image)).latent_dist.mean}

    latent, image = randn((2, 4, 3, 5), name, "latent"), randn((2, 3, 8, 12), name, "image")
    expected = check_against_f64(name, model, forward)
    expected.update(check_against_f64(name + "/vae", vae, decode))
    rates = {f"run{i}/fps": torch.tensor(float(run["fps"])) for i, run in enumerate(case["runs"]) if run["fps"]}
    write_goldens(folder, {**inputs, **rates, **expected, "decode/latent": latent, "encode/image": image})
    tensors = whole(model, vae, config["context_dim"], case["prefix"])
    if "dtype" in case:
        tensors = {k: v.to(case["dtype"]) for k, v in tensors.items()}
    save_tensors(os.path.join(folder, "model.safetensors"), tensors)
    write_json(os.path.join(folder, "config.json"), dict(case.get("stated", {}), norm_num_groups=4))
    write_tokenizer(os.path.join(folder, "tokenizer"), MERGES, 77, public=True)


def make_structure():
    with torch.device("meta"):
        unet, vae = LvdmUNet(**STRUCTURE_UNET), vae_of(STRUCTURE_VAE)
    state = {"model.diffusion_model." + k: v for k, v in unet.state_dict().items()}
    for name, value in vae.state_dict().items():
        shape = list(value.shape) + [1, 1] * (".attentions." in name and value.ndim == 2)
        state["first_stage_model." + original_vae_name(name, 4)] = torch.empty(shape, device="meta")
    state.update({"cond_stage_model.model." + k: v for k, v in text_tower(STRUCTURE_UNET["context_dim"]).items()})
    with open(os.path.join(fresh_folder("lvdm_structure"), "shapes.json"), "w", encoding="utf-8") as file:
        lines = [f"{json.dumps(k)}: {json.dumps(list(v.shape))}" for k, v in sorted(state.items())]
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def make_sampling():
    """DDIM on latents that shrink as noise is added, as VideoCrafter's sampler steps. 5 of 1000 steps, eta 1."""
    count, eta = 5, 1.0
    betas = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1 - betas, 0)
    scales = torch.cat([torch.linspace(1, 0.7, 400, dtype=torch.float64), torch.full((600,), 0.7, dtype=torch.float64)])
    times = [1 + i * (1000 // count) for i in range(count)]
    shape, out = (1, 4, 2, 3, 4), {"timesteps": torch.tensor(times[::-1])}
    x = randn(shape, "lvdm sampling", "x").double()
    out["sample_0"] = x.float()
    for i, index in enumerate(reversed(range(count))):
        time, before = times[index], times[index - 1] if index else 0
        prediction, noise = (randn(shape, "lvdm sampling", what, i) for what in ("prediction", "noise"))
        alpha, target = alphas[time], alphas[before]
        sigma = eta * ((1 - target) / (1 - alpha) * (1 - alpha / target)).sqrt()
        clean = (x - (1 - alpha).sqrt() * prediction) / alpha.sqrt() / scales[time]
        x = target.sqrt() * scales[before] * clean + (1 - target - sigma ** 2).sqrt() * prediction + sigma * noise
        out.update({f"prediction_{i}": prediction, f"noise_{i}": noise, f"expected_clean_{i}": clean.float(),
                    f"sample_{i + 1}": x.float()})
    save_tensors(os.path.join(fresh_folder("lvdm_sampling"), "golden.safetensors"), out)


def main():
    for name, case in CASES.items():
        make_case(name, case)
    make_structure()
    make_sampling()


if __name__ == "__main__":
    main()
