#!/usr/bin/env python3
"""The exported folder: the layout of llava-hf/llava-1.5-7b-hf, which LlavaForConditionalGeneration and AutoProcessor load.

    python folder.py --verify ../../checkpoints/emoji-llava
    python folder.py --untrained --out /tmp/untrained     (same layout, random weights: for tests of loaders)
"""
import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file

import vocabulary as v
from network import MEAN, STD

SHARD = 14_000_000  # bytes at most
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{# Pictures first, then texts. #}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}"
    "{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ content['text'] + ' ' }}{% endfor %}"
    "{% else %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ content['text'] + ' ' }}{% endgeneration %}{% endfor %}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")


def public_name(name):
    """transformers' present name of a weight -> the name in public LLaVA 1.5 folders."""
    for ours, theirs in (("model.vision_tower.", "vision_tower.vision_model."), ("model.language_model.",
                         "language_model.model."), ("lm_head.", "language_model.lm_head."),
                         ("model.multi_modal_projector.", "multi_modal_projector.")):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours).removeprefix("vision_model.")
    raise ValueError(f"no public name for {name}")


def weights_of(model):
    return {public_name(k): w.detach().to("cpu", torch.float16).contiguous() for k, w in model.state_dict().items()}


def save_shards(weights, out):
    shards, size = [{}], 0
    for name, w in weights.items():
        if size + w.nbytes > SHARD:
            shards.append({})
            size = 0
        shards[-1][name] = w
        size += w.nbytes
    index = {"metadata": {"total_size": sum(w.nbytes for w in weights.values())}, "weight_map": {}}
    for i, shard in enumerate(shards, 1):
        file = f"model-{i:05}-of-{len(shards):05}.safetensors"
        save_file(shard, out / file, metadata={"format": "pt"})
        index["weight_map"] |= dict.fromkeys(shard, file)
    write_json(out / "model.safetensors.index.json", index)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def config_of(model, dialogue, concentric):
    """As public folders write it, in the dialect that old and new transformers read."""
    c = model.config
    vision = {k: getattr(c.vision_config, k) for k in (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size",
        "projection_dim", "hidden_act", "layer_norm_eps")}
    text = {k: getattr(c.text_config, k) for k in (
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "hidden_act", "bos_token_id", "eos_token_id",
        "pad_token_id")}
    config = {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "torch_dtype": "float16",
        "ignore_index": -100, "image_token_index": dialogue.image, "image_seq_length": c.image_seq_length,
        "pad_token_id": dialogue.pad, "projector_hidden_act": "gelu", "tie_word_embeddings": False,
        "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
        "text_config": {"model_type": "llama", "torch_dtype": "float16", "rope_theta": 10000.0,
                        "tie_word_embeddings": False} | text,
        "vision_config": {"model_type": "clip_vision_model"} | vision,
    }
    if concentric:  # no field of transformers: what this folder's weights were trained with
        config["image_position_ids"] = "concentric"
    return config


def write(out, model, dialogue, concentric=False):
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    save_shards(weights_of(model), out)
    config = config_of(model, dialogue, concentric)
    write_json(out / "config.json", config)
    ids = {"bos_token_id": dialogue.bos, "eos_token_id": dialogue.eos, "pad_token_id": dialogue.pad}
    names = list(dialogue.scenes.names)
    write_json(out / "generation_config.json", {
        "_from_model_config": True, **ids,
        # reel's own, which transformers keeps and ignores
        "prompt": dialogue.text["describe"][0], "objects": names, "backgrounds": dialogue.scenes.world.backgrounds})
    side, patch = config["vision_config"]["image_size"], config["vision_config"]["patch_size"]
    write_json(out / "preprocessor_config.json", {
        "image_processor_type": "CLIPImageProcessor", "processor_class": "LlavaProcessor",
        "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": side}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": side, "width": side},
        "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD)})
    write_json(out / "processor_config.json", {
        "processor_class": "LlavaProcessor", "image_token": v.IMAGE, "patch_size": patch,
        "num_additional_image_tokens": 1, "vision_feature_select_strategy": "default"})
    write_json(out / "tokenizer.json", v.tokenizer_json(v.words_of(dialogue.scenes)))
    special = {"bos_token": v.BOS, "eos_token": v.EOS, "unk_token": v.UNKNOWN, "pad_token": v.PAD}
    write_json(out / "special_tokens_map.json", special)
    write_json(out / "tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizer", "processor_class": "LlavaProcessor", "add_bos_token": True,
        "add_eos_token": False, "legacy": False, "clean_up_tokenization_spaces": False, "model_max_length": 512,
        "padding_side": "left", "image_token": v.IMAGE, "extra_special_tokens": {"image_token": v.IMAGE},
        "added_tokens_decoder": {str(dialogue.vocabulary[t]): {
            "content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": True} for t in (v.UNKNOWN, v.BOS, v.EOS, v.IMAGE, v.PAD)}, **special})
    (out / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")


def load(path, model):
    """Loads an exported folder's weights into a model of the same sizes; every tensor must be there."""
    saved = {}
    for file in sorted(pathlib.Path(path).glob("*.safetensors")):
        if file.name.startswith("model-"):
            saved.update(load_file(file))
    model.load_state_dict({k: saved[public_name(k)] for k in model.state_dict()})


def sheet(path, show, names, columns=8, rows=2):
    """Pictures of each kind of scenes above their captions; what is drawn is written below."""
    from PIL import Image, ImageDraw
    width, height, line = 190, 128 + 76, 12
    page = Image.new("RGB", (columns * width, len(show) * rows * height), "white")
    pen = ImageDraw.Draw(page)
    for block, (name, (sample, texts)) in enumerate(show.items()):
        for i in range(min(columns * rows, len(sample.pictures))):
            x, y = i % columns * width, (block * rows + i // columns) * height
            page.paste(Image.fromarray(sample.pictures[i].permute(1, 2, 0).cpu().numpy()), (x + 4, y))
            truth = "(" + ", ".join(names[k] for k in sample.drawn[i]) + ")"
            for colour, text in (("black", texts[i]), ("green", truth)):
                words, current = text.split(), ""
                lines = []
                for word in words:
                    if len(current) + len(word) > 28:
                        lines.append(current)
                        current = ""
                    current += word + " "
                for text_line in lines + [current]:
                    pen.text((x + 4, y + 130), text_line, fill=colour)
                    y += line
    page.save(path)


@torch.no_grad()
def verify(path):
    """Loads the folder as a user would, and compares ids and answers with this project's own."""
    from transformers import AutoProcessor, LlavaForConditionalGeneration
    from dialogue import Dialogue
    from measure import Sample, captions
    from network import Captioner
    from pictures import Painter
    from scenes import Scenes

    scenes = Scenes(seed=7)
    dialogue, painter = Dialogue(scenes), Painter(scenes)
    model, info = LlavaForConditionalGeneration.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    for name, w in weights_of(model).items():  # a wrong name would leave random weights unnoticed
        assert torch.equal(w, stored(path)[name]), name
    processor = AutoProcessor.from_pretrained(path)
    concentric = json.loads((path / "config.json").read_text()).get("image_position_ids") == "concentric"
    net = Captioner(model.config, dialogue, False, torch.device("cpu")).eval()
    net.model.load_state_dict(model.state_dict())
    sample = Sample(net, scenes, painter, 8)
    pictures = [p.permute(1, 2, 0).numpy() for p in sample.pictures]
    talk = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": dialogue.text["describe"][0]}]}]
    prompt = processor.apply_chat_template(talk, add_generation_prompt=True)
    batch = processor(images=pictures, text=[prompt] * len(pictures), return_tensors="pt")
    ours = torch.tensor(dialogue.opening + [dialogue.image] * net.positions.tokens
                        + [t for t in dialogue.first["describe"][0].tolist() if t >= 0])
    assert torch.equal(batch["input_ids"][0], ours), (batch["input_ids"][0].tolist(), ours.tolist())
    from network import normalised
    difference = (batch["pixel_values"] - normalised(sample.pictures)).abs().max().item()
    assert difference < 1e-5, f"pixel values differ by {difference}"
    made = model.generate(**batch, max_new_tokens=40, do_sample=False)[:, len(ours):]
    _, _, said = captions(net, dialogue, sample)
    for a, b in zip(made.tolist(), said):
        cut = lambda ids: ids[:ids.index(dialogue.eos)] if dialogue.eos in ids else ids  # noqa: E731
        assert cut(a) == cut(b), (a, b)
        print(processor.decode(a, skip_special_tokens=True))
    files = [f for f in sorted(path.rglob("*")) if f.is_file()]
    for f in files:
        print(f"{f.stat().st_size:>10} {f.relative_to(path)}")
    print("bytes", sum(f.stat().st_size for f in files), "parameters", sum(p.numel() for p in model.parameters()),
          "concentric positions (the answers above are in reading order)" if concentric else "")


def stored(path, cache={}):
    if path not in cache:
        cache[path] = {}
        for file in sorted(path.glob("model-*.safetensors")):
            cache[path].update(load_file(file))
    return cache[path]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verify", type=pathlib.Path)
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    if args.untrained:
        from dialogue import Dialogue
        from network import Captioner, configuration
        from scenes import Scenes
        torch.manual_seed(0)
        dialogue = Dialogue(Scenes())
        net = Captioner(configuration(dialogue, 128), dialogue, False, torch.device("cpu"))
        write(args.out, net.model, dialogue)
    if args.verify or args.out:
        verify(args.verify or args.out)


if __name__ == "__main__":
    main()
