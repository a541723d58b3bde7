"""Captions: whole model folders, pictures and questions, and what transformers makes of them by its processor and generate().

Every folder of captions/ is a model; `goldens/` in it has requests.json and golden.safetensors. Networks are random ones of
the first seed whose texts vary and whose choices are not close (see make_llava.py).
"""

import copy
import json
import os

from common import ROOT, fresh_folder, generator, read_json, write_goldens

import numpy as np
import sentencepiece
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaImageProcessorPil, PreTrainedTokenizerFast
from transformers.image_utils import load_image

import caption_folders as folders
from make_image_processors import padded
from make_llava import make_model

STEPS, BEAM_STEPS = 12, 8
REQUEST = "Please describe this image in detail."  # if a request has no question
VICUNA = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
          "and polite answers to the user's questions. USER: ")

CASES = {
    "llava_1.5_hf": dict(
        write=folders.llava_15, dtype=torch.float16,
        text=dict(vocab_size=416, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                  max_position_embeddings=4096, rms_norm_eps=1e-5),
        vision=dict(hidden_size=24, image_size=28, intermediate_size=32, num_attention_heads=3, num_hidden_layers=3, patch_size=7),
        top=dict(image_token_index=400, vision_feature_layer=-2)),
    "original_llava": dict(
        write=folders.original_llava, dtype=torch.float16,
        text=dict(vocab_size=384, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
                  num_key_value_heads=3, max_position_embeddings=4096, rms_norm_eps=1e-5),
        vision=dict(hidden_size=64, image_size=16, intermediate_size=16, num_attention_heads=1, num_hidden_layers=2, patch_size=4),
        top=dict(image_token_index=383, vision_feature_layer=-2)),
    "llama3_gqa_full": dict(
        write=folders.llama3, tokens=390,
        text=dict(vocab_size=400, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=12, max_position_embeddings=256, tie_word_embeddings=True,
                  rope_parameters=dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
                                       high_freq_factor=4.0, original_max_position_embeddings=32)),
        vision=dict(hidden_size=24, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2, image_size=18, patch_size=6,
                    hidden_act="gelu"),
        top=dict(image_token_index=395, vision_feature_select_strategy="full", vision_feature_layer=-1, tie_word_embeddings=True)),
    "resaved_pad_bf16": dict(
        write=folders.resaved, dtype=torch.bfloat16,
        text=dict(vocab_size=392, hidden_size=36, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3,
                  num_key_value_heads=1, max_position_embeddings=96, rope_parameters=dict(rope_type="linear", rope_theta=1000.0, factor=2.0)),
        vision=dict(hidden_size=24, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=20, patch_size=6),
        top=dict(image_token_index=390, vision_feature_layer=[-2, 1])),
}

# Pictures below golden/, and the question about them; None: the model's own request. Logits are kept of the requests in LOGITS.
LANDSCAPE, PORTRAIT, GREY, PALETTE = "captions/landscape.ppm", "captions/portrait.ppm", "stills/grey.bmp", "stills/palette.bmp"
REQUESTS = [([LANDSCAPE], None), ([PORTRAIT], "What is in the picture?"), ([LANDSCAPE], "Is there a dog in the image?\nYes or no"),
            ([GREY], "Was zeigt die Stra\u00dfe \u2014 \u732b\u304b\u72ac? \U0001f600"), ([PALETTE], "What is in the picture?"),
            ([PORTRAIT, GREY], " Which is a cat? ")]
LOGITS = (0, 3, 5)


def picture(name, height, width):
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 7 + c) * np.cos(y / 5 - c) for c in range(3)], -1) * 100 + 128
    noise = torch.randn((height, width, 3), generator=generator("captions", name)).numpy() * 20
    Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8)).save(os.path.join(ROOT, name))


class Processor:
    """transformers' processor, with the tokenizer that tokenizer.json describes: LlamaTokenizer of transformers 5 goes
    other ways at a line behind a picture if `legacy` is false, LlamaTokenizerFast of transformers 4 did not."""

    def __init__(self, folder, case, model):
        self.processor = AutoProcessor.from_pretrained(folder, backend="pil")
        assert type(self.processor.image_processor).__name__.endswith("Pil")
        self.processor.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.tokenizer = self.processor.tokenizer
        if self.processor.chat_template is None:
            self.processor.chat_template = self.tokenizer.chat_template

    def inputs(self, pictures, question):
        content = [{"type": "image", "image": p} for p in pictures] + [{"type": "text", "text": question}]
        out = self.processor.apply_chat_template([{"role": "user", "content": content}], tokenize=True, return_dict=True,
                                                 return_tensors="pt", add_generation_prompt=True)
        return {k: out[k] for k in ("input_ids", "attention_mask", "pixel_values")}

    def text(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


class OriginalProcessor:
    """What the original code does, by its description: pictures are padded to squares; the prompt is that of `vicuna_v1`;
    the text between pictures is tokenised piece by piece, and the token of the beginning stands once, in front."""

    def __init__(self, folder, case, model):
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
        side = case["vision"]["image_size"]
        self.steps = LlavaImageProcessorPil(do_pad=True, size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        self.plain = LlavaImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        self.token, self.tokenizer = case["top"]["image_token_index"], None
        self.features = (side // case["vision"]["patch_size"]) ** 2

    def inputs(self, pictures, question):
        text = VICUNA + "<image>\n" * len(pictures) + question + " ASSISTANT:"
        ids = [1]
        for i, piece in enumerate(text.split("<image>")):
            ids += [self.token] * (self.features if i else 0) + (self.pieces.encode(piece) if piece else [])
        pixels = self.steps(pictures, return_tensors="pt")["pixel_values"]
        squares = [padded(p, tuple(int(255 * m) for m in self.steps.image_mean)) for p in pictures]
        assert pixels.equal(self.plain(squares, return_tensors="pt")["pixel_values"])
        ids = torch.tensor([ids])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels}

    def text(self, ids):
        return self.pieces.decode([int(i) for i in ids if i > 2])


def generate(model, inputs, **settings):
    """Ids, logits, and the positions of the prompt that the language model was given."""
    positions = []
    hook = model.model.language_model.rotary_emb.register_forward_pre_hook(
        lambda _, args, kwargs: positions.append(kwargs["position_ids"] if "position_ids" in kwargs else args[1]), with_kwargs=True)
    inputs = {**inputs, "pixel_values": inputs["pixel_values"].to(next(model.parameters()).dtype)}
    out = model.generate(**inputs, output_logits=True, return_dict_in_generate=True, **settings)
    hook.remove()
    return out.sequences[0, inputs["input_ids"].shape[1]:], torch.stack([s[0] for s in out.logits]), positions[0][0]


def trimmed(text):
    return text.strip(" \t\r\n")


def runs_of(processor, texts):
    """Settings that are compared by ids and text. A stop string: letters of one token, within the first text.

    transformers looks for stop strings in the pieces of its vocabulary, and finds none beside a token that has no piece.
    """
    runs = {f"beams_{n}": dict(max_new_tokens=BEAM_STEPS, num_beams=n) for n in (2, 4)}
    if processor.tokenizer is not None:
        for begin in range(len(texts[0]) // 3, len(texts[0]) - 1):
            stop = texts[0][begin:begin + 2]
            inside = any(stop in piece for piece in processor.tokenizer.get_vocab())
            if inside and stop.isascii() and stop.isalpha() and texts[0].find(stop) == begin and not any(stop in t for t in texts[1:3]):
                runs["stop"] = dict(max_new_tokens=STEPS, stop_strings=[stop])
                break
    return runs


def reference(folder, case, model):
    """The model as a reader of the folder has it, in float32."""
    if case["write"] is folders.original_llava:
        model.generation_config = type(model.generation_config)(**read_json(os.path.join(folder, "generation_config.json")))
        return model
    return LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


def goldens(name, case, folder, model, seed):
    """Tensors and requests; a text that says why this seed will not do."""
    make = OriginalProcessor if case["write"] is folders.original_llava else Processor
    processor, wide = make(folder, case, model), copy.deepcopy(model).double()
    tensors, requests, texts, worst = {}, [], [], 0
    for i, (paths, question) in enumerate(REQUESTS):
        pictures = [load_image(os.path.join(ROOT, p)) for p in paths]
        inputs = processor.inputs(pictures, REQUEST if question is None else question)
        steps, logits, positions = generate(model, inputs, max_new_tokens=STEPS, eos_token_id=None)
        wide_steps, wide_logits, _ = generate(wide, inputs, max_new_tokens=STEPS, eos_token_id=None)
        ids = generate(model, inputs, max_new_tokens=STEPS)[0]
        spread = (wide_logits.max() - wide_logits.min()).item()
        top = wide_logits.topk(2).values
        if not steps.equal(wide_steps) or (top[:, 0] - top[:, 1]).min() < 1e-3 * spread:
            return "a choice is close"
        if len(set(steps.tolist())) < 5:
            return "a text is dull"
        worst = max(worst, (logits.double() - wide_logits).abs().max().item() / spread)
        text = trimmed(processor.text(ids))
        features = torch.cat(list(model.get_image_features(pixel_values=inputs["pixel_values"]).pooler_output))
        place = f"request{i}/expected_"
        tensors.update({place + "input_ids": inputs["input_ids"][0], place + "image_features": features,
                        place + "positions": positions, place + "ids": ids, place + "steps": steps})
        if len(paths) == 1:
            tensors[paths[0] + "/expected_pixel_values"] = inputs["pixel_values"][0]
        else:
            for path, pixels in zip(paths, inputs["pixel_values"]):
                assert tensors[path + "/expected_pixel_values"].equal(pixels)
        if i in LOGITS:
            tensors[place + "logits"] = logits
        requests.append({"pictures": paths, "question": question, "text": text, "runs": {}})
        texts.append(text)
    if len(set(texts)) < len(texts) or len(texts[0]) < 12:
        return "texts are alike"
    runs = runs_of(processor, texts)
    for run, settings in runs.items():
        ends = []
        for i, (paths, question) in enumerate(REQUESTS):
            inputs = processor.inputs([load_image(os.path.join(ROOT, p)) for p in paths], REQUEST if question is None else question)
            more = dict(settings, tokenizer=processor.tokenizer) if "stop_strings" in settings else settings
            ids = generate(model, inputs, **more)[0]
            if not ids.equal(generate(wide, inputs, **more)[0]):
                return f"a choice of {run} is close"
            text = processor.text(ids)
            for stop in settings.get("stop_strings", []):
                text = text.split(stop)[0]
            requests[i]["runs"][run] = {"ids": ids.tolist(), "text": trimmed(text)}
            ends.append(len(ids))
        if run == "stop" and ends[0] >= STEPS:
            return "the stop string stops nothing"
    if all(r["runs"]["beams_2"]["ids"] == r["runs"]["beams_4"]["ids"] for r in requests):
        return "beams are alike"
    print(f"{name}: seed {seed}, max |f32 - f64| = {worst:.1e} of the spread, {texts}")
    assert worst < 3e-6
    return tensors, {"settings": runs, "image_token": case["top"]["image_token_index"], "requests": requests}


def frequent(tensors, count):
    """Ids that the texts hold in their later half, the most frequent first."""
    counts = {}
    for name, ids in tensors.items():
        if name.endswith("expected_ids"):
            for i in set(ids[5:].tolist()):
                counts[i] = counts.get(i, 0) + 1
    return sorted(sorted(counts), key=lambda i: -counts[i])[:count]


def make_case(name, case):
    for seed in range(300):
        model, eos = make_model(name, case, seed), []
        model.lm_head.weight[3:259].mul_(0.5)  # fewer bytes, which would not be characters
        for _ in range(2 if case["write"] in (folders.llama3, folders.resaved) else 1):
            folder = fresh_folder("captions", name)
            case["write"](folder, case, model, eos)
            found = goldens(name, case, folder, reference(folder, case, model), seed)
            if isinstance(found, str):
                print(name, seed, found, flush=True)
                break
            eos = frequent(found[0], 1)  # once more with an end that the texts hold
        if not isinstance(found, str):
            break
    tensors, requests = found
    place = fresh_folder("captions", name, "goldens")
    write_goldens(place, tensors)
    with open(os.path.join(place, "requests.json"), "w", encoding="ascii", newline="\n") as f:
        f.write(json.dumps({k: v for k, v in requests.items() if k != "requests"})[:-1] + ', "requests": [\n')
        f.write(",\n".join(json.dumps(r) for r in requests["requests"]) + "\n]}\n")
    print(f"{name}: {sum(os.path.getsize(os.path.join(at, f)) for at, _, fs in os.walk(folder) for f in fs) // 1000} kB")


def main():
    os.makedirs(os.path.join(ROOT, "captions"), exist_ok=True)
    picture(LANDSCAPE, 22, 61)
    picture(PORTRAIT, 47, 20)
    for name, case in CASES.items():
        make_case(name, case)


if __name__ == "__main__":
    main()
