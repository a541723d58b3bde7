"""OpenCLIP's text tower in its own layout: the output of the layer before the last, through the final norm.

The reference is transformers' CLIPTextModel with the same weights, which are then renamed: q, k and v become one
matrix. Heads are 64 wide, as in every text tower of OpenCLIP that video models use.
"""

import os

from common import (ROOT, check_against_f64, fresh_folder, generator, randn, randomize, save_tensors, write_goldens,
                    write_json)

import torch
from transformers import CLIPTextConfig, CLIPTextModel

CASES = {
    # As in VideoCrafter2's model.ckpt: the tower within a whole checkpoint, saved by torch.save. The vocabulary
    # is that of pipelines/merged_ddim/tokenizer.
    "lvdm_checkpoint": dict(
        config=dict(vocab_size=814, hidden_size=64, intermediate_size=32, num_hidden_layers=3,
                    num_attention_heads=1, max_position_embeddings=16),
        prefix="cond_stage_model.model.", file="model.ckpt", length=16),
    # The tower alone, with two heads, stored in half precision.
    "bare_half": dict(
        config=dict(vocab_size=60, hidden_size=128, intermediate_size=48, num_hidden_layers=2,
                    num_attention_heads=2, max_position_embeddings=77),
        prefix="", file="model.safetensors", length=77, dtype=torch.float16),
}


def open_clip_state(model, name):
    """The weights under OpenCLIP's names, and what else a file of the whole contrastive model holds."""
    state = model.state_dict()
    width, positions = model.config.hidden_size, model.config.max_position_embeddings
    result = {
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "text_projection": randn((width, 4), name, "text_projection"),
        "logit_scale": torch.tensor(4.6),
        "attn_mask": torch.full((positions, positions), float("-inf")).triu(1),
    }
    for i in range(model.config.num_hidden_layers):
        own, other = f"transformer.resblocks.{i}.", f"encoder.layers.{i}."
        for kind in ("weight", "bias"):
            result[f"{own}attn.in_proj_{kind}"] = torch.cat(
                [state[f"{other}self_attn.{p}_proj.{kind}"] for p in "qkv"])
            for a, b in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                         ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                result[f"{own}{a}.{kind}"] = state[f"{other}{b}.{kind}"]
    return result


def make_case(name, case):
    folder = fresh_folder("open_clip_text", name)
    config = CLIPTextConfig(hidden_act="gelu", **case["config"])
    model = randomize(CLIPTextModel(config), "open_clip_text/" + name)
    dtype = case.get("dtype", torch.float32)
    for p in model.parameters():  # the reference is computed from what a reader of the file sees
        p.copy_(p.to(dtype).float())

    state = {case["prefix"] + k: v.to(dtype) for k, v in open_clip_state(model, name).items()}
    path = os.path.join(folder, case["file"])
    if case["file"].endswith(".ckpt"):
        state["model.diffusion_model.out.2.weight"] = torch.zeros(4, 2, 3, 3)
        torch.save({"state_dict": state}, path)
    else:
        save_tensors(path, state)

    # Padded with 0 behind the end token, the largest id.
    vocabulary, length = config.vocab_size, case["length"]
    ids = torch.zeros(2, length, dtype=torch.int64)
    for row, used in enumerate((6, length)):
        ids[row, :used] = torch.randint(3, vocabulary - 2, (used,), generator=generator(name, "ids", row))
        ids[row, 0], ids[row, used - 1] = vocabulary - 2, vocabulary - 1

    def run(m, cast):
        states = m(ids, output_hidden_states=True).hidden_states
        return {f"expected_layer_before_last_{skip}": m.final_layer_norm(states[-2 - skip])
                for skip in range(config.num_hidden_layers)}

    write_goldens(folder, {"input_ids": ids, **check_against_f64(name, model, run)})
    write_json(os.path.join(folder, "case.json"), {"file": case["file"], "prefix": case["prefix"]})


def main():
    for name, case in CASES.items():
        make_case(name, case)
    write_json(os.path.join(ROOT, "open_clip_text", "cases.json"), sorted(CASES))


if __name__ == "__main__":
    main()
