"""LLaVA cases: features of pictures, logits and ids of greedy steps, and what generate() makes of other settings.

Folders hold config.json and weights, under the names of different layouts, and golden.safetensors. Prompts are given as
ids in which picture tokens are repeated already. Above 300 lines because the layouts and the settings are of the same networks.
"""

import os

from common import (ROOT, fresh_folder, generator, randn, randomize, read_json, save_tensors, write_goldens,
                    write_json)

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

STEPS = 12
BEAM_STEPS = 8

# `text`, `vision`, `top`: arguments of the three configurations. `layout`: names of the tensors. `files`: how they are
# stored. `prompts`: pictures and words of each prompt. `seed`: chosen so that the texts vary and no choice is close.
CASES = {
    "gqa_llama3_full": dict(
        text=dict(vocab_size=82, hidden_size=40, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=12, max_position_embeddings=256,
                  rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
                                       high_freq_factor=4.0, original_max_position_embeddings=32)),
        vision=dict(hidden_size=24, intermediate_size=28, num_hidden_layers=4, num_attention_heads=2, image_size=12,
                    patch_size=4, hidden_act="quick_gelu"),
        top=dict(image_token_index=80, vision_feature_select_strategy="full", vision_feature_layer=-2),
        layout="older", files="safetensors"),
    "tied_linear_bf16_sharded": dict(
        text=dict(vocab_size=72, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=3,
                  num_key_value_heads=3, max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=True,
                  rope_parameters=dict(rope_type="linear", rope_theta=1000.0, factor=4.0)),
        vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=16,
                    patch_size=8, hidden_act="gelu", layer_norm_eps=1e-3),
        top=dict(image_token_index=70, vision_feature_layer=[-1, 1], multimodal_projector_bias=False,
                 tie_word_embeddings=True),
        layout="newer", files="sharded", dtype=torch.bfloat16, dialect="old"),
    "bias_mqa_f16_bin": dict(
        text=dict(vocab_size=64, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
                  num_key_value_heads=1, max_position_embeddings=128, attention_bias=True, mlp_bias=True),
        vision=dict(hidden_size=20, intermediate_size=28, num_hidden_layers=3, num_attention_heads=2, image_size=17,
                    patch_size=5, hidden_act="quick_gelu"),
        top=dict(image_token_index=60, vision_feature_layer=2),
        layout="resaved", files="bin", dtype=torch.float16, sparse=True),
    "original": dict(
        text=dict(vocab_size=80, hidden_size=48, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=4, max_position_embeddings=128, rms_norm_eps=1e-5),
        vision=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=3, num_attention_heads=3, image_size=12,
                    patch_size=4),
        top=dict(image_token_index=79, vision_feature_layer=-2),
        layout="original", files="safetensors"),
}

# How many pictures each prompt has, and the number of words before each of them and behind the last.
PROMPTS = [[3, 4], [2, 1, 5], [6], [3, 9]]


def features_of(case):
    side = case["vision"]["image_size"] // case["vision"]["patch_size"]
    return side * side + (case["top"].get("vision_feature_select_strategy") == "full")


def make_prompts(name, case):
    """Ids and pictures. Words avoid the picture token; pictures stand between the stretches of words."""
    g = generator(name, "prompts")
    token, prompts = case["top"]["image_token_index"], []
    for stretches in PROMPTS:
        ids = [1]
        for i, words in enumerate(stretches):
            ids += [token] * (features_of(case) if i else 0)
            ids += torch.randint(3, min(token, case["text"]["vocab_size"]) - 1, (words,), generator=g).tolist()
        size = case["vision"]["image_size"]
        prompts.append((torch.tensor([ids]), torch.randn(len(stretches) - 1, 3, size, size, generator=g)))
    return prompts


def make_model(name, case, seed):
    config = LlavaConfig(text_config=LlamaConfig(**case["text"]), vision_config=CLIPVisionConfig(**case["vision"]),
                         **case["top"])
    model = randomize(LlavaForConditionalGeneration(config), f"llava/{name}/{seed}")
    model.model.language_model.embed_tokens.weight.mul_(0.6 * config.text_config.hidden_size ** 0.5)
    for key, p in model.model.language_model.named_parameters():
        if key.endswith(("o_proj.weight", "down_proj.weight")):
            p.mul_(2)  # so that a word depends on more than the one before it
    if config.tie_word_embeddings:
        # A tied head would say the last word again and again, were the signs of its channels not mixed.
        norm = model.model.language_model.norm.weight
        norm.copy_(2 * randn(norm.shape, name, seed, "norm") * config.text_config.hidden_size ** -0.5)
    else:
        model.lm_head.weight.mul_(2.5)
    if "dtype" in case:
        for p in model.parameters():
            p.copy_(p.to(case["dtype"]).float())
    return model.eval()


def generate(model, prompt, **settings):
    ids, pixels = prompt
    dtype = next(model.parameters()).dtype
    pictures = {"pixel_values": pixels.to(dtype)} if len(pixels) else {}
    defaults = dict(do_sample=False, num_beams=1, eos_token_id=None, pad_token_id=0, output_logits=True,
                    return_dict_in_generate=True)
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **pictures, **{**defaults, **settings})
    return out.sequences[0, ids.shape[1]:], out


def greedy(model, prompt):
    ids, out = generate(model, prompt, max_new_tokens=STEPS)
    return ids, torch.stack([step[0] for step in out.logits])


# Settings that are compared by their ids. `eos`: filled in with an id that the greedy texts hold.
RUNS = {
    "stops": dict(max_new_tokens=STEPS, eos_token_id="eos"),
    "penalty": dict(max_new_tokens=STEPS, repetition_penalty=1.4),
    "beams_2": dict(max_new_tokens=BEAM_STEPS, num_beams=2, eos_token_id="eos"),
    "beams_4": dict(max_new_tokens=BEAM_STEPS, num_beams=4, eos_token_id="eos"),
    "beams_4_short": dict(max_new_tokens=BEAM_STEPS, num_beams=4, eos_token_id="eos", length_penalty=-1.5),
    "beams_4_long": dict(max_new_tokens=BEAM_STEPS, num_beams=4, eos_token_id="eos", length_penalty=2.5,
                         early_stopping="never"),
    "beams_4_early": dict(max_new_tokens=BEAM_STEPS, num_beams=4, eos_token_id="eos", early_stopping=True),
    "beams_2_penalty": dict(max_new_tokens=BEAM_STEPS, num_beams=2, eos_token_id="eos", repetition_penalty=1.2),
}


def settings_of(run, eos):
    return {k: (eos if v == "eos" else v) for k, v in RUNS[run].items()}


def frequent(texts):
    """Two ids that end several of the greedy texts at different lengths."""
    counts = {}
    for ids in texts:
        for i in set(ids[2:].tolist()):
            counts[i] = counts.get(i, 0) + 1
    return sorted(sorted(counts), key=lambda i: -counts[i])[:2]


def attempt(name, case, seed):
    """The case with these weights; None if its texts are dull or a choice is close."""
    model, prompts = make_model(name, case, seed), make_prompts(name, case)
    wide = make_model(name, case, seed).double()
    texts, tensors, worst = [], {}, 0
    for i, prompt in enumerate(prompts):
        ids, logits = greedy(model, prompt)
        wide_ids, wide_logits = greedy(wide, prompt)
        top = wide_logits.topk(2).values
        spread = (wide_logits.max() - wide_logits.min()).item()
        if not ids.equal(wide_ids) or (top[:, 0] - top[:, 1]).min() < 1e-3 * spread or len(set(ids.tolist())) < 5:
            return None
        texts.append(ids)
        worst = max(worst, (logits.double() - wide_logits).abs().max().item() / spread)
        tensors.update({f"prompt{i}/ids": prompt[0][0], f"prompt{i}/expected_logits": logits,
                        f"prompt{i}/expected_ids": ids})
        if len(prompt[1]):
            tensors[f"prompt{i}/pixels"] = prompt[1]
            features = torch.stack(list(model.get_image_features(pixel_values=prompt[1]).pooler_output))
            tensors[f"prompt{i}/expected_image_features"] = features
    eos = frequent(texts)
    runs = {}
    for run in RUNS:
        for i, prompt in enumerate(prompts):
            ids, _ = generate(model, prompt, **settings_of(run, eos))
            if not ids.equal(generate(wide, prompt, **settings_of(run, eos))[0]):
                return None
            tensors[f"{run}/expected_ids_{i}"] = ids
        runs[run] = settings_of(run, eos)
    lengths = {len(tensors[f"stops/expected_ids_{i}"]) for i in range(len(prompts))}
    if len(lengths) < 3 or any(tensors[f"beams_4/expected_ids_{i}"].equal(tensors[f"beams_2/expected_ids_{i}"])
                               for i in range(2)):
        return None
    print(f"{name}: seed {seed}, max |f32 - f64| = {worst:.1e} of the spread, lengths {sorted(lengths)}")
    assert worst < 2e-6
    return model, tensors, runs


def older(name):
    """The names of transformers before 4.52: `language_model.model...`, `vision_tower.vision_model...`."""
    if name == "lm_head.weight":
        return "language_model.lm_head.weight"
    name = name.removeprefix("model.")
    if name.startswith("language_model."):
        return "language_model.model." + name.removeprefix("language_model.")
    return name.replace("vision_tower.", "vision_tower.vision_model.")


def resaved(name):
    """What transformers 5 writes: the older names, but for the tower's."""
    return older(name).replace("vision_tower.vision_model.", "vision_tower.")


def original(name):
    for old, new in (("model.multi_modal_projector.linear_1", "model.mm_projector.0"),
                     ("model.multi_modal_projector.linear_2", "model.mm_projector.2"),
                     ("model.language_model.", "model.")):
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


LAYOUTS = {"older": older, "newer": lambda name: name, "resaved": resaved, "original": original}


def write_weights(folder, case, state):
    if case["files"] == "bin":
        torch.save(state, os.path.join(folder, "pytorch_model.bin"))
    elif case["files"] == "sharded":
        names = sorted(state)
        shards = {"model-00001-of-00002.safetensors": names[:len(names) // 2],
                  "model-00002-of-00002.safetensors": names[len(names) // 2:]}
        for shard, held in shards.items():
            save_tensors(os.path.join(folder, shard), {n: state[n] for n in held}, {"format": "pt"})
        write_json(os.path.join(folder, "model.safetensors.index.json"),
                   {"metadata": {}, "weight_map": {n: shard for shard, held in shards.items() for n in held}})
    else:
        save_tensors(os.path.join(folder, "model.safetensors"), state, {"format": "pt"})


def original_config(case):
    text = {k: v for k, v in case["text"].items()}
    return {"architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava_llama", **text, "hidden_act": "silu",
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "torch_dtype": "float32",
            "image_aspect_ratio": "pad", "mm_hidden_size": case["vision"]["hidden_size"],
            "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": False, "mm_use_im_start_end": False,
            "mm_vision_select_feature": "patch", "mm_vision_select_layer": case["top"]["vision_feature_layer"],
            "mm_vision_tower": "someone/clip-tiny", "tune_mm_mlp_adapter": False, "use_mm_proj": True}


def write_config(folder, case, model):
    path = os.path.join(folder, "config.json")
    if case["layout"] == "original":
        return write_json(path, original_config(case))
    model.config.save_pretrained(folder)
    config = read_json(path)
    config["architectures"] = ["LlavaForConditionalGeneration"]
    text, stored = config["text_config"], str(case.get("dtype", torch.float32)).removeprefix("torch.")
    config["dtype"] = stored
    if case.get("dialect") == "old":
        rope = text.pop("rope_parameters")
        text["rope_theta"] = rope.pop("rope_theta")
        text["rope_scaling"] = {"type": rope.pop("rope_type"), **rope}
        config["torch_dtype"] = config.pop("dtype")
    if case.get("sparse"):  # what differs from the defaults of the classes
        config["text_config"] = {"model_type": "llama", **case["text"]}
        config["vision_config"] = {"model_type": "clip_vision_model", **case["vision"]}
        for key in ("image_seq_length", "projector_hidden_act", "multimodal_projector_bias", "tie_word_embeddings",
                    "vision_feature_select_strategy"):
            config.pop(key, None)
    write_json(path, config)


def make_case(name, case):
    for seed in range(400):
        found = attempt(name, case, seed)
        if found:
            break
    model, tensors, runs = found
    folder = fresh_folder("llava", name)
    rename = LAYOUTS[case["layout"]]
    state = {k: v.to(case.get("dtype", torch.float32)).contiguous() for k, v in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight")
    if case["layout"] == "original":
        tower = {k.replace("model.vision_tower.", "vision_model."): state.pop(k)
                 for k in list(state) if k.startswith("model.vision_tower.")}
        os.makedirs(os.path.join(folder, "clip-tiny"))
        save_tensors(os.path.join(folder, "clip-tiny", "model.safetensors"), tower, {"format": "pt"})
        write_json(os.path.join(folder, "clip-tiny", "config.json"),
                   {"architectures": ["CLIPVisionModel"], "model_type": "clip_vision_model", **case["vision"]})
    state = {rename(k): v for k, v in state.items()}
    if case["files"] == "bin":  # buffers that old files hold
        places = (case["vision"]["image_size"] // case["vision"]["patch_size"]) ** 2 + 1
        state["vision_tower.embeddings.position_ids"] = torch.arange(places).expand((1, -1))
        for i in range(case["text"]["num_hidden_layers"]):
            state[f"language_model.model.layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    write_weights(folder, case, state)
    write_config(folder, case, model)
    write_json(os.path.join(folder, "runs.json"), runs)
    write_goldens(folder, tensors)
    if case["layout"] != "original":
        again = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        for i, prompt in enumerate(make_prompts(name, case)):
            ids, logits = greedy(again, prompt)
            assert ids.equal(tensors[f"prompt{i}/expected_ids"])
            assert (logits - tensors[f"prompt{i}/expected_logits"]).abs().max() < 1e-5


# Settings of logits processors, in the words of generation_config.json.
SCORES = [dict(), dict(repetition_penalty=1.3), dict(repetition_penalty=0.7), dict(temperature=0.6), dict(top_k=7),
          dict(top_k=1), dict(top_k=500), dict(top_p=0.8), dict(top_p=0.01), dict(temperature=1.7, top_k=20, top_p=0.9),
          dict(repetition_penalty=1.5, temperature=0.8, top_k=12, top_p=0.6)]


def make_scores():
    """What the logits processors of transformers make of scores, in their order."""
    from transformers import (LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                              TopKLogitsWarper, TopPLogitsWarper)
    makers = dict(repetition_penalty=RepetitionPenaltyLogitsProcessor, temperature=TemperatureLogitsWarper,
                  top_k=TopKLogitsWarper, top_p=TopPLogitsWarper)
    folder = fresh_folder("decoding")
    logits, ids = 3 * randn((1, 120), "scores"), torch.tensor([[3, 5, 5, 90, 119, 7]])
    tensors = {"logits": logits[0], "ids": ids[0]}
    for i, settings in enumerate(SCORES):
        processors = LogitsProcessorList([makers[k](v) for k, v in settings.items()])
        tensors[f"expected_{i}"] = processors(ids, logits.clone())[0]
    write_goldens(folder, tensors)
    write_json(os.path.join(folder, "settings.json"), SCORES)


def main():
    make_scores()
    for name, case in CASES.items():
        make_case(name, case)


if __name__ == "__main__":
    main()
