"""UNetMotionModel cases: merged checkpoints, and UNet2DConditionModel + MotionAdapter pairs."""

import os

from common import (check_against_f64, check_reload, fresh_folder, randn, randomize, save_model,
                    save_tensors, write_goldens, write_json)

import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel
from safetensors.torch import load_file


HALF, BF16 = torch.float16, torch.bfloat16
CROSS_DOWN, PLAIN_DOWN = "CrossAttnDownBlockMotion", "DownBlockMotion"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlockMotion", "UpBlockMotion"


def run_spec(batch, frames, height, width, tokens, timestep, per_frame=False):
    """`per_frame`: every frame has its own context, encoder_hidden_states is [B*F, L, D]."""
    return dict(batch=batch, frames=frames, height=height, width=width, tokens=tokens,
                timestep=timestep, per_frame=per_frame)


TWO_LEVELS = dict(
    sample_size=8, block_out_channels=[12, 20], norm_num_groups=4, layers_per_block=1, cross_attention_dim=24,
    down_block_types=[CROSS_DOWN, PLAIN_DOWN], up_block_types=[PLAIN_UP, CROSS_UP],
    num_attention_heads=[3, 5], motion_num_attention_heads=[2, 5], motion_max_seq_length=16)

MERGED = {
    "merged_mid_motion": dict(
        config=dict(
            sample_size=8, block_out_channels=[12, 20, 20], norm_num_groups=4, layers_per_block=1,
            down_block_types=[CROSS_DOWN, CROSS_DOWN, PLAIN_DOWN], up_block_types=[PLAIN_UP, CROSS_UP, CROSS_UP],
            cross_attention_dim=40, num_attention_heads=[3, 5, 5], motion_num_attention_heads=[3, 4, 5],
            motion_max_seq_length=24, use_motion_mid_block=True),
        runs=[run_spec(2, 5, 8, 8, 7, [981, 21]), run_spec(1, 2, 8, 12, 16, [500]),
              run_spec(2, 3, 4, 4, 7, [940.25, 12.5], per_frame=True)]),
    "merged_no_mid_motion": dict(
        config=dict(TWO_LEVELS, layers_per_block=2, use_motion_mid_block=False,
                    down_block_types=[PLAIN_DOWN, CROSS_DOWN], up_block_types=[CROSS_UP, PLAIN_UP],
                    num_attention_heads=5, motion_num_attention_heads=2, block_out_channels=[10, 10],
                    norm_num_groups=5),
        # The second run has odd sides: the upsampler is told the size of the skip connection.
        runs=[run_spec(1, 8, 6, 10, 9, [1]), run_spec(1, 3, 7, 5, 9, [759])]),
    "half_stored": dict(config=dict(TWO_LEVELS), dtype=HALF, runs=[run_spec(1, 16, 4, 6, 5, [999])]),
    "bfloat16_stored": dict(config=dict(TWO_LEVELS, motion_max_seq_length=32), dtype=BF16,
                            runs=[run_spec(2, 4, 6, 4, 5, [0, 999])]),
    "per_frame_context": dict(config=dict(TWO_LEVELS, block_out_channels=[8, 12], num_attention_heads=[2, 3],
                                          motion_num_attention_heads=[1, 3]),
                              runs=[run_spec(2, 5, 4, 6, 6, [301, 600], per_frame=True)]),
    # Layer counts that differ per level and per layer; frames equal to the maximum sequence length.
    "temporal_layer_counts": dict(
        config=dict(TWO_LEVELS, block_out_channels=[8, 12], num_attention_heads=[2, 3], layers_per_block=[1, 2],
                    motion_num_attention_heads=[4, 3], motion_max_seq_length=8,
                    down_block_types=[CROSS_DOWN, CROSS_DOWN], up_block_types=[CROSS_UP, CROSS_UP],
                    temporal_transformer_layers_per_block=[[2], [1, 2]],
                    reverse_temporal_transformer_layers_per_block=[[1, 2, 1], [2, 1]],
                    temporal_transformer_layers_per_mid_block=2,
                    # Accepted by the configuration, but without any effect.
                    reverse_motion_num_attention_heads=[1, 1]),
        runs=[run_spec(1, 8, 6, 6, 4, [441])]),
    "spatial_layer_counts": dict(
        config=dict(TWO_LEVELS, block_out_channels=[8, 12], num_attention_heads=[2, 3],
                    motion_num_attention_heads=[2, 3],
                    down_block_types=[CROSS_DOWN, CROSS_DOWN], up_block_types=[CROSS_UP, CROSS_UP],
                    layers_per_block=2, use_linear_projection=True, transformer_layers_per_block=[[1, 2], [2, 1]],
                    reverse_transformer_layers_per_block=[[1, 1, 2], [2, 1, 1]],
                    transformer_layers_per_mid_block=[1, 2], mid_block_layers=2, mid_block_scale_factor=1.25,
                    norm_eps=1e-3, act_fn="gelu"),
        runs=[run_spec(1, 3, 6, 6, 4, [441])]),
    "time_condition": dict(
        config=dict(TWO_LEVELS, block_out_channels=[8, 12], num_attention_heads=[2, 3],
                    motion_num_attention_heads=[2, 3], time_cond_proj_dim=10, in_channels=5, out_channels=3),
        runs=[run_spec(2, 3, 4, 6, 4, [441, 20])]),
    "text_time_embedding": dict(
        config=dict(TWO_LEVELS, block_out_channels=[8, 12], num_attention_heads=[2, 3],
                    motion_num_attention_heads=[2, 3], addition_embed_type="text_time", addition_time_embed_dim=6,
                    projection_class_embeddings_input_dim=6 * 6 + 10, transformer_layers_per_block=[1, 2],
                    down_block_types=[PLAIN_DOWN, CROSS_DOWN], up_block_types=[CROSS_UP, PLAIN_UP]),
        runs=[run_spec(2, 3, 4, 6, 4, [801])]),
}

# A 2D UNet names the number of heads `attention_head_dim`.
SD15 = dict(
    sample_size=8, in_channels=4, out_channels=4, center_input_sample=False, flip_sin_to_cos=True, freq_shift=0,
    down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    block_out_channels=[8, 12, 16, 16], layers_per_block=2, downsample_padding=1, mid_block_scale_factor=1,
    act_fn="silu", norm_num_groups=4, norm_eps=1e-5, cross_attention_dim=24, attention_head_dim=4)
SMALL2D = dict(
    SD15, block_out_channels=[12, 20], layers_per_block=1, attention_head_dim=[3, 5], use_linear_projection=True,
    down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"])
ADAPTER = dict(motion_layers_per_block=2, motion_norm_num_groups=4, motion_num_attention_heads=2,
               motion_max_seq_length=32, use_motion_mid_block=True)

SEPARATE = {
    "separate_sd15": dict(unet=SD15, adapter=dict(ADAPTER), original_layout=True,
                          runs=[run_spec(2, 5, 8, 8, 7, [981]), run_spec(1, 16, 8, 8, 7, [261])]),
    "separate_head_list": dict(
        unet=dict(SMALL2D, transformer_layers_per_block=[2, 1]),
        adapter=dict(ADAPTER, motion_layers_per_block=1, use_motion_mid_block=False, motion_num_attention_heads=[3, 4],
                     motion_transformer_layers_per_block=[1, 2], motion_max_seq_length=24),
        runs=[run_spec(1, 4, 6, 8, 6, [741])]),
    # An adapter with its own first convolution: the UNet then reads 9 channels.
    "separate_conv_in": dict(
        unet=dict(SMALL2D, use_linear_projection=False, attention_head_dim=1),
        adapter=dict(ADAPTER, motion_layers_per_block=1, conv_in_channels=9, motion_num_attention_heads=4),
        runs=[run_spec(1, 3, 6, 4, 6, [600])]),
}


def make_inputs(name, index, spec, config):
    batch, frames, key = spec["batch"], spec["frames"], f"run{index}/"
    contexts = batch * frames if spec["per_frame"] else batch
    width = config["cross_attention_dim"]
    tensors = {
        key + "sample": randn((batch, config["in_channels"], frames, spec["height"], spec["width"]), name, key, "x"),
        key + "timestep": torch.tensor(spec["timestep"]),
        key + "encoder_hidden_states": randn((contexts, spec["tokens"], width), name, key, "context"),
    }
    if config.get("time_cond_proj_dim"):
        tensors[key + "timestep_cond"] = randn((batch, config["time_cond_proj_dim"]), name, key, "cond")
    if config.get("addition_embed_type") == "text_time":
        tensors[key + "text_embeds"] = randn((batch, 10), name, key, "text")
        tensors[key + "time_ids"] = torch.tensor([[64.0, 96, 0, 0, 64, 96], [32.0, 48, 8, 4, 64, 80]])[:batch]
    return tensors


def run_model(model, tensors, cast=lambda t: t):
    """All runs of a case; the outputs of the blocks are kept for the first run."""
    results = {}
    for key in sorted({k.split("/")[0] + "/" for k in tensors}):
        seen = {}

        def keep(label):
            def hook(module, args, kwargs, output):
                seen[label] = output[0] if isinstance(output, tuple) else output
            return hook

        handles = [model.conv_in.register_forward_hook(keep("conv_in"), with_kwargs=True),
                   model.mid_block.register_forward_hook(keep("mid_block"), with_kwargs=True)]
        for side, blocks in (("down", model.down_blocks), ("up", model.up_blocks)):
            handles += [b.register_forward_hook(keep(f"{side}_block_{i}"), with_kwargs=True)
                        for i, b in enumerate(blocks)]
        sample = cast(tensors[key + "sample"])
        context = cast(tensors[key + "encoder_hidden_states"])
        if context.shape[0] == sample.shape[0]:
            context = context.repeat_interleave(sample.shape[2], dim=0)  # what the pipeline does
        extra = {}
        if key + "timestep_cond" in tensors:
            extra["timestep_cond"] = cast(tensors[key + "timestep_cond"])
        if key + "text_embeds" in tensors:
            extra["added_cond_kwargs"] = {k: cast(tensors[key + k]) for k in ("text_embeds", "time_ids")}
        results[key + "expected_sample"] = model(sample, tensors[key + "timestep"], context, **extra).sample
        for handle in handles:
            handle.remove()
        if key == "run0/":
            results.update({f"{key}expected_{k}": v for k, v in seen.items()})
    return results


def finish(name, folder, model, config, runs, load):
    inputs = {}
    for i, spec in enumerate(runs):
        inputs.update(make_inputs(name, i, spec, config))
    expected = check_against_f64(name, model, lambda m, cast: run_model(m, inputs, cast))
    write_goldens(folder, {**inputs, **expected})
    check_reload(folder, lambda g: run_model(load(), {k: v for k, v in g.items() if "expected_" not in k}))


def make_merged(name, case):
    folder = fresh_folder("unet_motion", name)
    model = randomize(UNetMotionModel(**case["config"]), name)
    save_model(model, folder, case.get("dtype"))
    finish(name, folder, model, dict(model.config), case["runs"],
           lambda: UNetMotionModel.from_pretrained(folder, torch_dtype=torch.float32).eval())


def to_original_layout(state):
    """The inverse of diffusers' conversion of original AnimateDiff motion modules."""
    out = {}
    for key, value in state.items():
        if key.endswith("pos_embed.pe"):
            # One buffer per attention in the original; diffusers ignores them and uses its own.
            for i in (0, 1):
                out[key.replace(".pos_embed.pe", f".attention_blocks.{i}.pos_encoder.pe")] = value
            continue
        for new, old in ((".attn1", ".attention_blocks.0"), (".attn2", ".attention_blocks.1"),
                         (".norm1", ".norms.0"), (".norm2", ".norms.1"), (".norm3", ".ff_norm")):
            key = key.replace(new, old)
        out[key] = value
    # `motion_modules.N.X` becomes `motion_modules.N.temporal_transformer.X`.
    parts = {k: k.split(".") for k in out}
    where = {k: p.index("motion_modules") + 2 for k, p in parts.items()}
    return {".".join(p[:where[k]] + ["temporal_transformer"] + p[where[k]:]): out[k] for k, p in parts.items()}


def check_original_layout(path, adapter):
    from diffusers.loaders.single_file_utils import convert_animatediff_checkpoint_to_diffusers

    state = convert_animatediff_checkpoint_to_diffusers(load_file(path))
    wanted = {k: v for k, v in adapter.state_dict().items() if not k.endswith("pos_embed.pe")}
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[k], wanted[k]) for k in wanted)


def make_separate(name, case):
    folder = fresh_folder("unet_motion", name)
    unet = randomize(UNet2DConditionModel(**case["unet"]), name)
    adapter = randomize(
        MotionAdapter(block_out_channels=case["unet"]["block_out_channels"], **case["adapter"]), name + "/motion")
    save_model(unet, os.path.join(folder, "unet"))
    save_model(adapter, os.path.join(folder, "motion_adapter"))
    if case.get("original_layout"):
        path = os.path.join(folder, "motion_module.safetensors")
        save_tensors(path, to_original_layout(adapter.state_dict()))
        check_original_layout(path, adapter)

    def load():
        return UNetMotionModel.from_unet2d(
            UNet2DConditionModel.from_pretrained(os.path.join(folder, "unet")),
            MotionAdapter.from_pretrained(os.path.join(folder, "motion_adapter"))).eval()

    model = load()
    finish(name, folder, model, dict(model.config), case["runs"], load)


def main():
    for name, case in MERGED.items():
        make_merged(name, case)
    for name, case in SEPARATE.items():
        make_separate(name, case)
    listing = {n: dict(layout="merged", runs=c["runs"]) for n, c in MERGED.items()}
    listing.update({n: dict(layout="separate", runs=c["runs"]) for n, c in SEPARATE.items()})
    write_json(os.path.join(os.path.dirname(os.path.abspath(__file__)), "unet_motion", "cases.json"), listing)


if __name__ == "__main__":
    main()
