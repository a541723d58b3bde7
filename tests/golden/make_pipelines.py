"""Whole text-to-video folders with random weights, and runs of the reference pipelines."""

import copy
import os
import sys

from common import (ROOT, RecordedNoise, fresh_folder, generator, randn, randomize, read_json, save_tensors,
                    write_json)

import diffusers
import torch
from diffusers import (AnimateDiffPipeline, AutoencoderKL, MotionAdapter, StableDiffusionPipeline,
                       TextToVideoSDPipeline, UNet2DConditionModel, UNet3DConditionModel, UNetMotionModel)
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

from tokenizer_files import write_tokenizer

MERGES, VOCAB, WIDTH = 300, 814, 24

PROMPT = "a red fox runs through the snow, it's cinematic, 4K"
NEGATIVE = "worst quality, blurry!!"


def run_spec(scheduler, steps=6, guidance=7.5, clip_skip=None, eta=0.0, negative=NEGATIVE, frames=4, height=16,
             width=24, prompt=PROMPT, **overrides):
    """`overrides`: keys set on top of the scheduler configuration of the folder."""
    return dict(scheduler=scheduler, scheduler_overrides=overrides, num_inference_steps=steps,
                guidance_scale=guidance, clip_skip=clip_skip, eta=eta, prompt=prompt, negative_prompt=negative,
                num_frames=frames, height=height, width=width)


COMMON_UNET = dict(sample_size=8, norm_num_groups=4, layers_per_block=1, cross_attention_dim=WIDTH)
MOTION_UNET = dict(
    COMMON_UNET, block_out_channels=[8, 12], num_attention_heads=[2, 3], motion_num_attention_heads=[4, 2],
    down_block_types=["CrossAttnDownBlockMotion", "DownBlockMotion"],
    up_block_types=["UpBlockMotion", "CrossAttnUpBlockMotion"])
UNET_2D = dict(
    COMMON_UNET, block_out_channels=[8, 12, 16], attention_head_dim=4,
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"])
UNET_3D = dict(
    COMMON_UNET, block_out_channels=[8, 12], attention_head_dim=4,
    down_block_types=["CrossAttnDownBlock3D", "DownBlock3D"], up_block_types=["UpBlock3D", "CrossAttnUpBlock3D"])
LINEAR = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="linear",
              clip_sample=False, steps_offset=1)
# The scheduler file of Stable Diffusion 1.5: another class, and without the keys that came later.
# A scheduler of another class then takes its own defaults for them (timestep_spacing for one).
SD15_SCHEDULER = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
    "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None,
    "clip_sample": False}

CASES = {
    "merged_ddim": dict(
        unet=dict(MOTION_UNET, motion_max_seq_length=32), scheduler=dict(LINEAR), max_length=77,
        text=dict(hidden_act="quick_gelu", bos_token_id=VOCAB - 2, eos_token_id=VOCAB - 1),
        runs={"ddim": run_spec("DDIMScheduler"),
              "no_guidance": run_spec("DDIMScheduler", guidance=1.0, frames=8, height=8, width=16),
              "ddim_eta": run_spec("DDIMScheduler", guidance=5.0, eta=0.7, negative=None),
              "lcm": run_spec("LCMScheduler", guidance=1.5, steps=4)}),
    "separate_folders": dict(
        unet_2d=dict(UNET_2D), scheduler=SD15_SCHEDULER, max_length=16,
        adapter=dict(block_out_channels=[8, 12, 16], motion_layers_per_block=1, motion_norm_num_groups=4,
                     motion_num_attention_heads=2, use_motion_mid_block=True),
        text=dict(hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2),
        runs={"ddim": run_spec("DDIMScheduler", guidance=5.0),
              "euler": run_spec("EulerDiscreteScheduler", guidance=3.5),
              "euler_ancestral": run_spec("EulerAncestralDiscreteScheduler", guidance=3.5),
              # The prompt is longer than the context and is cut.
              "dpmpp_2m_karras": run_spec("DPMSolverMultistepScheduler", use_karras_sigmas=True, guidance=5.0,
                                          prompt=PROMPT + ", " + PROMPT)}),
    "v_prediction_zero_snr": dict(
        unet=dict(MOTION_UNET, use_motion_mid_block=False, use_linear_projection=True, motion_max_seq_length=24),
        scheduler=dict(LINEAR, prediction_type="v_prediction", rescale_betas_zero_snr=True,
                       timestep_spacing="trailing"), max_length=16,
        text=dict(hidden_act="gelu", bos_token_id=VOCAB - 2, eos_token_id=VOCAB - 1),
        runs={"ddim": run_spec("DDIMScheduler", guidance=4.0),
              "ddim_clip_skip": run_spec("DDIMScheduler", guidance=4.0, clip_skip=1, frames=3)}),
    # The scheduler file of ModelScope's model, and its exact GELU. TextToVideoSDPipeline.
    "text_to_video": dict(
        unet_3d=dict(UNET_3D), max_length=16,
        scheduler=dict(LINEAR, beta_schedule="scaled_linear", set_alpha_to_one=False, skip_prk_steps=True),
        text=dict(hidden_act="gelu", bos_token_id=VOCAB - 2, eos_token_id=VOCAB - 1),
        runs={"ddim": run_spec("DDIMScheduler", guidance=9.0, frames=5),
              "ddim_eta": run_spec("DDIMScheduler", guidance=5.0, eta=0.7, negative=None),
              "dpmpp_2m": run_spec("DPMSolverMultistepScheduler", guidance=5.0, frames=3)}),
}


def damped(unet):
    """A random noise prediction is unrelated to the latents, so sampling amplifies both; keep it small."""
    unet.conv_out.weight.mul_(0.15)
    return unet


def build_parts(name, case):
    text = randomize(CLIPTextModel(CLIPTextConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=3, num_attention_heads=3,
        max_position_embeddings=case["max_length"], pad_token_id=1, **case["text"])), name + "/text")
    vae = randomize(AutoencoderKL(
        block_out_channels=[8, 12], down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, layers_per_block=1, latent_channels=4, norm_num_groups=4,
        sample_size=16, scaling_factor=0.18215), name + "/vae")
    cls = getattr(diffusers, case["scheduler"].get("_class_name", "DDIMScheduler"))
    scheduler = cls.from_config(case["scheduler"])
    return text, vae, scheduler


def add_key_prefix(folder):
    """Public text encoders hold their keys below `text_model.`."""
    path = os.path.join(folder, "model.safetensors")
    save_tensors(path, {"text_model." + k: v for k, v in load_file(path).items()}, {"format": "pt"})


def write_folder(name, case):
    folder = fresh_folder("pipelines", name)
    text, vae, scheduler = build_parts(name, case)
    if "unet_3d" in case:
        tokenizer = write_tokenizer(os.path.join(folder, "tokenizer"), MERGES, case["max_length"])
        unet = damped(randomize(UNet3DConditionModel(**case["unet_3d"]), name + "/unet"))
        TextToVideoSDPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet,
                              scheduler=scheduler).save_pretrained(folder)
        write_tokenizer(os.path.join(folder, "tokenizer"), MERGES, case["max_length"])
        return folder
    if "unet" in case:
        tokenizer = write_tokenizer(os.path.join(folder, "tokenizer"), MERGES, case["max_length"])
        unet = damped(randomize(UNetMotionModel(**case["unet"]), name + "/unet"))
        AnimateDiffPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, motion_adapter=None,
                            scheduler=scheduler).save_pretrained(folder)
        write_tokenizer(os.path.join(folder, "tokenizer"), MERGES, case["max_length"])
        return folder
    base = os.path.join(folder, "base")
    tokenizer = write_tokenizer(os.path.join(base, "tokenizer"), MERGES, case["max_length"], public=True)
    unet = damped(randomize(UNet2DConditionModel(**case["unet_2d"]), name + "/unet"))
    StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
                            safety_checker=None, feature_extractor=None,
                            requires_safety_checker=False).save_pretrained(base)
    add_key_prefix(os.path.join(base, "text_encoder"))
    for file in os.listdir(os.path.join(base, "tokenizer")):
        os.remove(os.path.join(base, "tokenizer", file))
    write_tokenizer(os.path.join(base, "tokenizer"), MERGES, case["max_length"], public=True)
    write_json(os.path.join(base, "scheduler", "scheduler_config.json"), case["scheduler"])
    adapter = randomize(MotionAdapter(**case["adapter"]), name + "/motion")
    adapter.save_pretrained(os.path.join(folder, "motion_adapter"))
    return folder


def load_pipeline(folder, dtype):
    if os.path.isdir(os.path.join(folder, "motion_adapter")):
        adapter = MotionAdapter.from_pretrained(os.path.join(folder, "motion_adapter"))
        pipe = AnimateDiffPipeline.from_pretrained(os.path.join(folder, "base"), motion_adapter=adapter)
    else:
        name = read_json(os.path.join(folder, "model_index.json"))["_class_name"]
        pipe = getattr(diffusers, name).from_pretrained(folder)
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.to(dtype)
    # The pipeline reads `text_encoder.text_model`, which transformers 5 no longer has.
    object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run_pipeline(folder, name, spec, dtype):
    pipe = load_pipeline(folder, dtype)
    cls = getattr(diffusers, spec["scheduler"])
    pipe.scheduler = cls.from_config(pipe.scheduler.config, **spec["scheduler_overrides"])
    module = sys.modules[cls.__module__]
    shape = (1, 4, spec["num_frames"], spec["height"] // 2, spec["width"] // 2)
    latents = randn(shape, name, "latents", scale=0.5)
    states = []

    def keep(pipe, i, t, values):
        states.append(values["latents"].float().clone())
        return {}

    skip = ("scheduler", "scheduler_overrides")
    video = isinstance(pipe, TextToVideoSDPipeline)  # its callback is of the older kind
    callback = (dict(callback=lambda i, t, x: states.append(x.float().clone())) if video
                else dict(callback_on_step_end=keep))
    with RecordedNoise(module) as draws:
        final = pipe(**{k: v for k, v in spec.items() if k not in skip}, latents=latents.to(dtype),
                     generator=generator(name, "steps"), output_type="latent", **callback).frames
    if video:  # it steps on [F, C, h, w]
        draws = [d.transpose(0, 1)[None] for d in draws]
    prompt, negative = pipe.encode_prompt(
        spec["prompt"], "cpu", 1, spec["guidance_scale"] > 1, spec["negative_prompt"], clip_skip=spec["clip_skip"])
    frames = pipe.video_processor.postprocess_video(pipe.decode_latents(final), output_type="pt")

    out = {"latents": latents, "expected_prompt_embeds": prompt, "expected_final_latents": final,
           "expected_frames": frames[0].permute(0, 2, 3, 1), "expected_timesteps": pipe.scheduler.timesteps}
    if negative is not None:
        out["expected_negative_prompt_embeds"] = negative
    out.update({f"step_noise_{i}": d for i, d in enumerate(draws)})
    out.update({f"expected_latents_{i + 1}": s for i, s in enumerate(states)})
    # A default of minus infinity has no JSON form.
    config = {k: v for k, v in pipe.scheduler.config.items() if not k.startswith("_") and v != -float("inf")}
    return {k: v.float() if v.is_floating_point() else v for k, v in out.items()}, config


def make_case(name, case):
    folder = write_folder(name, case)
    goldens, listing = {}, {}
    for run, spec in case["runs"].items():
        f32, config = run_pipeline(folder, f"{name}/{run}", spec, torch.float32)
        f64, _ = run_pipeline(folder, f"{name}/{run}", spec, torch.float64)
        again, _ = run_pipeline(folder, f"{name}/{run}", spec, torch.float32)
        worst = max((f32[k].double() - f64[k].double()).abs().max().item() for k in f32)
        top = max(v.abs().max().item() for k, v in f32.items() if "timesteps" not in k)
        inside = ((f32["expected_frames"] > 0) & (f32["expected_frames"] < 1)).float().mean().item()
        print(f"{name}/{run}: max |f32 - f64| = {worst:.2e}, max |value| = {top:.2f}, unclamped {inside:.2f}")
        assert worst < 2e-5
        assert all(torch.equal(f32[k], again[k]) for k in f32)
        goldens.update({f"{run}/{k}": v for k, v in f32.items()})
        listing[run] = dict(copy.deepcopy(spec), scheduler_config=config)
    save_tensors(os.path.join(folder, "golden.safetensors"), goldens)
    write_json(os.path.join(folder, "runs.json"), listing)


def main():
    for name, case in CASES.items():
        make_case(name, case)
    write_json(os.path.join(ROOT, "pipelines", "cases.json"), sorted(CASES))


if __name__ == "__main__":
    main()
