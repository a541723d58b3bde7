"""LoRA files in the layouts that are found in the wild, and the outputs of the merged models.

The base models are `unet_motion/merged_mid_motion` and `clip_text/quick_gelu_legacy_eos`;
the inputs are those of their golden files. Merged weight: W + 0.7 * alpha / rank * up @ down.
"""

import copy
import importlib.util
import json
import os

from common import ROOT, check_against_f64, fresh_folder, randn, save_tensors, write_json

import torch
from diffusers import UNetMotionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel

SCALE = 0.7
UNET = os.path.join(ROOT, "unet_motion", "merged_mid_motion")
TEXT = os.path.join(ROOT, "clip_text", "quick_gelu_legacy_eos")

BLOCKS = ["down_blocks.0.attentions.0", "up_blocks.2.attentions.1", "mid_block.attentions.0"]
ATTENTION = [f"{b}.transformer_blocks.0.{m}" for b in BLOCKS
             for m in ("attn1.to_q", "attn1.to_k", "attn2.to_k", "attn2.to_v", "attn2.to_out.0")]
PROJECTIONS = [f"{b}.{m}" for b in BLOCKS
               for m in ("proj_in", "proj_out", "transformer_blocks.0.ff.net.0.proj", "transformer_blocks.0.ff.net.2")]
CONVOLUTIONS = ["down_blocks.0.resnets.0.conv1", "down_blocks.1.resnets.0.time_emb_proj", "mid_block.resnets.1.conv2",
                "up_blocks.0.resnets.0.conv_shortcut", "down_blocks.0.downsamplers.0.conv",
                "up_blocks.1.upsamplers.0.conv"]
OUTER = ["time_embedding.linear_1", "time_embedding.linear_2", "conv_in", "conv_out"]
MOTION = [f"{b}.motion_modules.0.transformer_blocks.0.{a}.{m}" for b in ("down_blocks.0", "mid_block", "up_blocks.1")
          for a in ("attn1", "attn2") for m in ("to_q", "to_k", "to_v", "to_out.0")]
TEXT_ATTENTION = [f"encoder.layers.{i}.self_attn.{m}" for i in (0, 1) for m in ("q_proj", "v_proj", "out_proj")]
TEXT_MLP = ["encoder.layers.1.mlp.fc1", "encoder.layers.1.mlp.fc2"]


def factors(label, model, names, alpha):
    """Random factors: {module: (down, up, alpha or None)}; ranks 2 and 4 alternate.

    `alpha` is False (none in the file), "grouped" (one for linear layers, another for 3x3 convolutions)
    or "mixed" (differs from module to module).
    """
    modules, out = dict(model.named_modules()), {}
    for i, name in enumerate(names):
        weight, rank = modules[name].weight, 4 if i % 3 else 2
        down = (rank, *weight.shape[1:])
        up = (weight.shape[0], rank) + (1,) * (weight.ndim - 2)
        value = {False: None, "grouped": 2.0 if weight.shape[-1] == 3 else 1.0, "mixed": [1.0, 2.0, 8.0][i % 3]}[alpha]
        out[name] = (randn(down, label, name, "down", scale=weight[0].numel() ** -0.5),
                     randn(up, label, name, "up", scale=0.4), value)
    return out


def merge(model, parts):
    modules = dict(model.named_modules())
    for name, (down, up, alpha) in parts.items():
        down, up, rank = down.float(), up.float(), down.shape[0]
        delta = (up.flatten(1) @ down.flatten(1)).reshape(modules[name].weight.shape)
        modules[name].weight.add_(delta, alpha=SCALE * (rank if alpha is None else alpha) / rank)


def kohya(unet, text):
    out = {}
    for prefix, parts in (("lora_unet_", unet), ("lora_te_text_model_", text)):
        for name, (down, up, alpha) in parts.items():
            key = prefix + name.replace(".", "_")
            out.update({key + ".lora_down.weight": down, key + ".lora_up.weight": up})
            if alpha is not None:
                out[key + ".alpha"] = torch.tensor(alpha, dtype=down.dtype)
    return out


def peft(unet, text, down_name="lora_A", up_name="lora_B", text_down=None, text_up=None):
    out = {}
    for name, (down, up, _) in unet.items():
        out.update({f"unet.{name}.{down_name}.weight": down, f"unet.{name}.{up_name}.weight": up})
    for name, (down, up, _) in text.items():
        key = "text_encoder.text_model." + name
        out.update({f"{key}.{text_down or down_name}.weight": down, f"{key}.{text_up or up_name}.weight": up})
    return out


def old_processors(unet, text):
    """Factors that belong to attention processors, as in the first diffusers LoRA files."""
    out = {}
    for prefix, parts in (("unet.", unet), ("text_encoder.text_model.", text)):
        for name, (down, up, _) in parts.items():
            owner, leaf = name.removesuffix(".0").rsplit(".", 1)
            if prefix == "unet.":
                owner += ".processor"
            leaf = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}.get(leaf, leaf)
            out.update({f"{prefix}{owner}.{leaf}_lora.down.weight": down, f"{prefix}{owner}.{leaf}_lora.up.weight": up})
    return out


def original_motion(unet, text):
    """The keys of the first AnimateDiff motion LoRAs."""
    out = {}
    for key, value in old_processors(unet, text).items():
        key = key.removeprefix("unet.").replace(".transformer_blocks", ".temporal_transformer.transformer_blocks")
        out[key.replace("attn1", "attention_blocks.0").replace("attn2", "attention_blocks.1")] = value
    return out


def adapter_metadata(unet, text):
    """The header entry in which recent diffusers versions keep ranks and alphas."""
    values = {}
    for prefix, parts in (("unet", unet), ("text_encoder", text)):
        values.update({f"{prefix}.r": 4, f"{prefix}.lora_alpha": 8, f"{prefix}.target_modules": sorted(parts),
                       f"{prefix}.rank_pattern": {n: p[0].shape[0] for n, p in parts.items() if p[0].shape[0] != 4},
                       f"{prefix}.alpha_pattern": {n: p[2] for n, p in parts.items() if p[2] != 8}})
    return {"lora_adapter_metadata": json.dumps(values, indent=2, sort_keys=True)}


FILES = {  # name: (unet modules, text modules, alpha, layout, storage type)
    "peft": (ATTENTION + PROJECTIONS + CONVOLUTIONS + MOTION, TEXT_ATTENTION + TEXT_MLP, False, peft, None),
    "peft_metadata": (ATTENTION + CONVOLUTIONS, TEXT_ATTENTION, "mixed", peft, None),
    "down_up": (ATTENTION + PROJECTIONS, TEXT_ATTENTION, False,
                lambda u, t: peft(u, t, "lora.down", "lora.up", "lora_linear_layer.down", "lora_linear_layer.up"), None),
    "attention_processors": (ATTENTION, TEXT_ATTENTION, False, old_processors, None),
    "kohya": (ATTENTION + PROJECTIONS + CONVOLUTIONS + OUTER, TEXT_ATTENTION + TEXT_MLP, "grouped", kohya, None),
    "kohya_mixed_alpha": (ATTENTION + CONVOLUTIONS, TEXT_ATTENTION, "mixed", kohya, None),
    "kohya_half_no_alpha": (ATTENTION, TEXT_MLP, False, kohya, torch.float16),
    "motion": (MOTION, [], False, old_processors, None),
    "motion_original": (MOTION, [], False, original_motion, None),
}
# The reference cannot load these: the names of the original motion LoRAs are unknown to it, and it
# replaces the alphas of attention layers in this layout by the most frequent alpha of the file.
FORMULA_ONLY = ("motion_original", "kohya_mixed_alpha")


def run_models(pair, golden_unet, golden_text, cast=lambda t: t):
    unet, text = pair["unet"], pair["text"]
    sample = cast(golden_unet["run1/sample"])
    context = cast(golden_unet["run1/encoder_hidden_states"]).repeat_interleave(sample.shape[2], dim=0)
    return {"unet_sample": unet(sample, golden_unet["run1/timestep"], context).sample,
            "text_last_hidden_state": text(golden_text["run0/input_ids"]).last_hidden_state}


def check_with_diffusers(path, base, expected, goldens):
    """The same file through the reference's own loader; needs peft."""
    from diffusers import StableDiffusionPipeline
    unet, text = copy.deepcopy(base["unet"]), copy.deepcopy(base["text"])
    state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(
        path, unet_config=unet.config, return_lora_metadata=True)
    StableDiffusionPipeline.load_lora_into_unet(state, alphas, unet, adapter_name="a", metadata=metadata)
    unet.set_adapters("a", SCALE)
    if any(k.startswith("text_encoder") for k in state):
        StableDiffusionPipeline.load_lora_into_text_encoder(state, alphas, text, lora_scale=1.0, adapter_name="a",
                                                            metadata=metadata)
        for module in text.modules():
            if hasattr(module, "set_scale"):
                module.set_scale("a", SCALE)
    got = run_models({"unet": unet.eval(), "text": text.eval()}, *goldens)
    diff = max((got[k] - expected[k]).abs().max().item() for k in got)
    print(f"  through the reference's loader: difference {diff:.2e}")
    assert diff < 2e-5


def main():
    folder = fresh_folder("lora")
    goldens = [load_file(os.path.join(p, "golden.safetensors")) for p in (UNET, TEXT)]
    base = torch.nn.ModuleDict({"unet": UNetMotionModel.from_pretrained(UNET),
                                "text": CLIPTextModel.from_pretrained(TEXT)}).eval()
    plain = run_models(base, *goldens)
    out, listing = {}, {}
    for name, (unet_names, text_names, alpha, layout, dtype) in FILES.items():
        # The two motion files hold the same factors.
        label = "lora/" + name.replace("_original", "")
        unet = factors(label, base["unet"], unet_names, alpha)
        text = factors(label, base["text"], text_names, alpha)
        if dtype is not None:
            unet, text = ({n: (d.to(dtype), u.to(dtype), a) for n, (d, u, a) in p.items()} for p in (unet, text))
        path = os.path.join(folder, name + ".safetensors")
        save_tensors(path, layout(unet, text),
                     adapter_metadata(unet, text) if "metadata" in name else {"format": "pt"})

        merged = copy.deepcopy(base)
        merge(merged["unet"], unet)
        merge(merged["text"], text)
        expected = check_against_f64(name, merged, lambda m, cast: run_models(m, *goldens, cast))
        print("  effect:", {k: round((expected[k] - plain[k]).abs().max().item(), 3) for k in plain})
        if importlib.util.find_spec("peft") and name not in FORMULA_ONLY:
            check_with_diffusers(path, base, expected, goldens)
        out.update({f"{name}/expected_{k}": v for k, v in expected.items()})
        for part, names in (("unet", unet_names[::13]), ("text", text_names[:1])):
            modules = dict(merged[part].named_modules())
            out.update({f"{name}/merged_{part}/{n}.weight": modules[n].weight for n in names})
        listing[name] = dict(scale=SCALE, unet_modules=len(unet_names), text_modules=len(text_names))
    save_tensors(os.path.join(folder, "golden.safetensors"), out)
    write_json(os.path.join(folder, "cases.json"), listing)


if __name__ == "__main__":
    main()
