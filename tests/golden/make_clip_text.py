"""CLIPTextModel cases: hidden states of every layer, and the pooled output."""

import os

from common import (ROOT, check_against_f64, check_reload, fresh_folder, generator, randomize, read_json,
                    save_model, write_goldens, write_json)

import torch
from transformers import CLIPTextConfig, CLIPTextModel


# `lengths`: the sequence lengths that are run, each with two sequences of ids.
CASES = {
    # As in Stable Diffusion 1.x: eos_token_id 2 selects the position of the largest id.
    "quick_gelu_legacy_eos": dict(
        config=dict(vocab_size=300, hidden_size=24, intermediate_size=96, num_hidden_layers=2,
                    num_attention_heads=3, max_position_embeddings=77, hidden_act="quick_gelu",
                    bos_token_id=0, eos_token_id=2, pad_token_id=1),
        lengths=[77, 5]),
    # As written by transformers 5: no `text_model.` prefix in the keys.
    "gelu_flat_keys": dict(
        config=dict(vocab_size=300, hidden_size=40, intermediate_size=64, num_hidden_layers=3,
                    num_attention_heads=5, max_position_embeddings=16, hidden_act="gelu",
                    bos_token_id=298, eos_token_id=299, pad_token_id=0),
        lengths=[16, 9], flat=True),
    "half_stored": dict(
        config=dict(vocab_size=200, hidden_size=48, intermediate_size=96, num_hidden_layers=2,
                    num_attention_heads=3, max_position_embeddings=16, hidden_act="gelu", layer_norm_eps=1e-3,
                    bos_token_id=198, eos_token_id=199, pad_token_id=199),
        lengths=[16], dtype=torch.float16),
    # Old files hold the position ids as a buffer; it is not a weight.
    "position_ids_buffer": dict(
        config=dict(vocab_size=200, hidden_size=30, intermediate_size=60, num_hidden_layers=3,
                    num_attention_heads=5, max_position_embeddings=77, hidden_act="quick_gelu",
                    bos_token_id=198, eos_token_id=199, pad_token_id=199),
        lengths=[77], position_ids=True),
    # Only the sizes are given; hidden_act, layer_norm_eps and the token ids take their defaults.
    "defaults_absent": dict(
        config=dict(vocab_size=200, hidden_size=40, intermediate_size=80, num_hidden_layers=1,
                    num_attention_heads=5, max_position_embeddings=16),
        lengths=[16], only=["hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size",
                            "max_position_embeddings", "num_attention_heads"]),
}


def make_ids(name, config, length):
    """Two sequences; the end token is in the middle of one, and repeated as padding after it."""
    vocab = config["vocab_size"]
    end = vocab - 1
    ids = torch.randint(3, vocab - 2, (2, length), generator=generator(name, "ids", length))
    ids[:, 0] = vocab - 2
    ids[0, length // 2:] = end
    ids[1, -1] = end
    return ids


def run_model(model, tensors):
    results = {}
    for key, ids in tensors.items():
        run = key.split("/")[0]
        out = model(ids, output_hidden_states=True)
        results[run + "/expected_last_hidden_state"] = out.last_hidden_state
        results[run + "/expected_pooled"] = out.pooler_output
        for i, state in enumerate(out.hidden_states):
            results[f"{run}/expected_hidden_state_{i}"] = state
        # The pipeline's clip_skip: an earlier state, through the final norm all the same.
        for skip in range(1, len(out.hidden_states)):
            state = model.final_layer_norm(out.hidden_states[-(skip + 1)])
            results[f"{run}/expected_clip_skip_{skip}"] = state
    return results


def make_case(name, case):
    folder = fresh_folder("clip_text", name)
    model = randomize(CLIPTextModel(CLIPTextConfig(**case["config"])), "clip_text/" + name)

    def rename(state):
        if not case.get("flat"):
            state = {"text_model." + k: v for k, v in state.items()}
        if case.get("position_ids"):
            count = case["config"]["max_position_embeddings"]
            state["text_model.embeddings.position_ids"] = torch.arange(count)[None]
        return state

    save_model(model, folder, case.get("dtype"), rename, "model.safetensors")
    path = os.path.join(folder, "config.json")
    config = read_json(path)
    config["dtype"] = {torch.float16: "float16"}.get(case.get("dtype"), "float32")
    if "only" in case:
        config = {k: config[k] for k in ["architectures", "model_type"] + case["only"]}
    write_json(path, config)

    inputs = {f"run{i}/input_ids": make_ids(name, case["config"], n) for i, n in enumerate(case["lengths"])}
    expected = check_against_f64(name, model, lambda m, cast: run_model(m, inputs))
    write_goldens(folder, {**inputs, **expected})
    check_reload(folder, lambda g: run_model(CLIPTextModel.from_pretrained(folder, dtype=torch.float32).eval(),
                                             {k: v for k, v in g.items() if "expected_" not in k}))


def main():
    for name, case in CASES.items():
        make_case(name, case)
    write_json(os.path.join(ROOT, "clip_text", "cases.json"), sorted(CASES))


if __name__ == "__main__":
    main()
