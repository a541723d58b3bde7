"""UNet3DConditionModel cases."""

import os

from common import (check_against_f64, check_reload, fresh_folder, randomize, save_model, write_goldens,
                    write_json)

import torch
from diffusers import UNet3DConditionModel

from make_unet_motion import make_inputs, run_spec

CROSS_DOWN, PLAIN_DOWN = "CrossAttnDownBlock3D", "DownBlock3D"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlock3D", "UpBlock3D"


TWO_LEVELS = dict(
    sample_size=8, block_out_channels=[8, 12], norm_num_groups=4, layers_per_block=1, cross_attention_dim=16,
    attention_head_dim=4, down_block_types=[CROSS_DOWN, PLAIN_DOWN], up_block_types=[PLAIN_UP, CROSS_UP])

CASES = {
    # The levels of ModelScope's model; the size of the first run is odd twice over, so that upsampling is
    # told the size of the skip connection.
    "four_levels": dict(
        config=dict(sample_size=8, block_out_channels=[4, 8, 12, 8], norm_num_groups=4, layers_per_block=2,
                    cross_attention_dim=20, attention_head_dim=4,
                    down_block_types=[CROSS_DOWN] * 3 + [PLAIN_DOWN], up_block_types=[PLAIN_UP] + [CROSS_UP] * 3),
        runs=[run_spec(2, 3, 9, 13, 7, [981, 21]), run_spec(1, 5, 8, 16, 7, [500])]),
    # Widths that heads do not divide: transformers are then narrower than their level.
    "narrow_transformers": dict(
        config=dict(TWO_LEVELS, block_out_channels=[10, 15], norm_num_groups=5, attention_head_dim=4,
                    cross_attention_dim=24, down_block_types=[PLAIN_DOWN, CROSS_DOWN],
                    up_block_types=[CROSS_UP, PLAIN_UP]),
        runs=[run_spec(1, 7, 6, 10, 9, [1])]),
    "three_layers": dict(
        config=dict(TWO_LEVELS, layers_per_block=3, norm_num_groups=2, norm_eps=1e-3, act_fn="gelu",
                    mid_block_scale_factor=1.25, downsample_padding=0, in_channels=5, out_channels=3),
        runs=[run_spec(1, 4, 6, 6, 4, [441]), run_spec(1, 1, 4, 6, 4, [20])]),
    "half_stored": dict(config=dict(TWO_LEVELS), dtype=torch.float16, runs=[run_spec(1, 16, 4, 6, 5, [999])]),
    # No level attends to the text; only the middle does.
    "only_middle_attends": dict(
        config=dict(TWO_LEVELS, down_block_types=[PLAIN_DOWN] * 2, up_block_types=[PLAIN_UP] * 2,
                    time_cond_proj_dim=10),
        runs=[run_spec(2, 3, 4, 6, 4, [441, 20])]),
    "per_frame_context": dict(
        config=dict(TWO_LEVELS, down_block_types=[CROSS_DOWN] * 2, up_block_types=[CROSS_UP] * 2),
        runs=[run_spec(2, 5, 4, 6, 6, [301, 600], per_frame=True)]),
}


class ContextPerFrame:
    """Gives each cross-attention its frame's own context. The model itself repeats one context for all frames,
    frame-minor; its layers see [B*F, L, D] and do not mind where it comes from."""

    def __init__(self, model, context):
        self.layers = [m for n, m in model.named_modules() if n.endswith("attn2") and ".attentions." in n]
        self.context = context

    def __enter__(self):
        def replace(module, args, kwargs):
            assert kwargs["encoder_hidden_states"].shape == self.context.shape
            return args, dict(kwargs, encoder_hidden_states=self.context)
        self.handles = [m.register_forward_pre_hook(replace, with_kwargs=True) for m in self.layers]

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()


def run_model(model, tensors, cast=lambda t: t):
    results = {}
    for key in sorted({k.split("/")[0] + "/" for k in tensors}):
        sample = cast(tensors[key + "sample"])
        context = cast(tensors[key + "encoder_hidden_states"])
        extra = {}
        if key + "timestep_cond" in tensors:
            extra["timestep_cond"] = cast(tensors[key + "timestep_cond"])
        per_frame = context.shape[0] != sample.shape[0]
        given = context[::sample.shape[2]] if per_frame else context  # the first of each video is overridden
        with ContextPerFrame(model, context) if per_frame else ContextPerFrame(torch.nn.Module(), None):
            results[key + "expected_sample"] = model(sample, tensors[key + "timestep"], given, **extra).sample
    return results


def make_case(name, case):
    folder = fresh_folder("unet_3d", name)
    model = randomize(UNet3DConditionModel(**case["config"]), name)
    save_model(model, folder, case.get("dtype"))
    inputs = {}
    for i, spec in enumerate(case["runs"]):
        inputs.update(make_inputs(name, i, spec, dict(model.config)))
    expected = check_against_f64(name, model, lambda m, cast: run_model(m, inputs, cast))
    write_goldens(folder, {**inputs, **expected})

    def load():
        return UNet3DConditionModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    check_reload(folder, lambda g: run_model(load(), {k: v for k, v in g.items() if "expected_" not in k}))


def main():
    for name, case in CASES.items():
        make_case(name, case)


if __name__ == "__main__":
    main()
