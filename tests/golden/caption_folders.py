"""The model folders of make_captions.py: which files each has, its tokenizer, and how its network is built and stored."""

import os
import shutil
import tempfile

from common import ROOT, save_tensors, write_json

import sentencepiece
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from make_image_processors import CLIP
from make_llama_tokenizers import LLAMA3, llama_backend
from make_llava import older, original

# What prompts say is in the training text several times, so that they are not spelt byte by byte.
PHRASES = ["A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
           "polite answers to the user's questions. USER:", "USER: ASSISTANT:", "Please describe this image in detail.",
           "What is in the picture? It is a cat.", "Is there a dog in the image? Yes, there is. No, there is not."]


def corpus():
    with open(os.path.join(ROOT, "tokenizer_corpus.txt"), encoding="utf-8") as f:
        return f.read().splitlines()[:30] + PHRASES * 4


def token(content, **options):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **options}


def write_sentencepiece(folder, size):
    """tokenizer.model by the rules of Llama 2's."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # the model keeps the names of its files
        with open("corpus.txt", "w", encoding="utf-8") as f:
            f.write("\n".join(corpus()))
        sentencepiece.SentencePieceTrainer.train(
            input="corpus.txt", model_prefix="tokenizer", model_type="bpe", vocab_size=size, byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
            allow_whitespace_only_pieces=True, max_sentencepiece_length=16, minloglevel=2, num_threads=1)
        os.chdir(here)
        shutil.copyfile(os.path.join(place, "tokenizer.model"), os.path.join(folder, "tokenizer.model"))


def write_backend(folder, backend):
    backend.save(os.path.join(folder, "tokenizer.json"), pretty=False)


def llama2_backend(folder, prefix):
    backend = llama_backend(os.path.join(folder, "tokenizer.model"), prefix)
    backend.add_tokens([AddedToken(**token("<image>")), AddedToken(**token("<pad>"))])
    return backend


def llama3_backend(size):
    backend = Tokenizer(models.BPE(ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    backend.train_from_iterator(corpus(), trainer)
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>"]
    backend.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in names])
    begin = backend.token_to_id(names[0])
    backend.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single=f"{names[0]} $A", pair=f"{names[0]} $A {names[0]} $B", special_tokens=[(names[0], begin)])])
    return backend


def store(state, case):
    return {k: v.to(case.get("dtype", torch.float32)).contiguous() for k, v in state.items()}


def write_shards(folder, state, count, save=save_tensors, stem="model", suffix="safetensors"):
    names, place = list(state), {}
    for i in range(count):
        file = f"{stem}-{i + 1:05}-of-{count:05}.{suffix}"
        part = names[i * len(names) // count:(i + 1) * len(names) // count]
        save(os.path.join(folder, file), {n: state[n] for n in part})
        place.update({n: file for n in part})
    write_json(os.path.join(folder, f"{stem}.{suffix}.index.json"),
               {"metadata": {"total_size": sum(v.nbytes for v in state.values())}, "weight_map": dict(sorted(place.items()))})


def clip_steps(side, **more):
    return {"crop_size": {"height": side, "width": side}, "do_center_crop": True, "do_resize": True, **CLIP,
            "image_processor_type": "CLIPImageProcessor", "processor_class": "LlavaProcessor", "resample": 3,
            "size": {"shortest_edge": side}, **more}


def processor_file(case, **more):
    strategy = case["top"].get("vision_feature_select_strategy", "default")
    return {"image_token": "<image>", "num_additional_image_tokens": 1, "patch_size": case["vision"]["patch_size"],
            "processor_class": "LlavaProcessor", "vision_feature_select_strategy": strategy, **more}


def generation_file(**more):
    return {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, **more, "transformers_version": "4.36.0.dev0"}


def llava_15(folder, case, model, eos):
    """All file names, keys and configuration fields of llava-hf/llava-1.5-7b-hf; the widths are stated besides."""
    vocabulary = case["top"]["image_token_index"]
    write_sentencepiece(folder, vocabulary)
    write_backend(folder, llama2_backend(folder, "normalizer"))
    write_json(os.path.join(folder, "added_tokens.json"), {"<image>": vocabulary, "<pad>": vocabulary + 1})
    first = [token("<unk>"), token("<s>"), token("</s>")]
    added = {str(i): t for i, t in enumerate(first)}
    added.update({str(vocabulary): token("<image>"), str(vocabulary + 1): token("<pad>", normalized=True)})
    write_json(os.path.join(folder, "tokenizer_config.json"),
               {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": None, "added_tokens_decoder": added,
                "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>",
                "extra_special_tokens": {"image_token": "<image>"}, "image_token": "<image>", "legacy": False,
                "model_max_length": 1000000000000000019884624838656, "pad_token": "<pad>", "padding_side": "left",
                "processor_class": "LlavaProcessor", "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer",
                "trust_remote_code": False, "unk_token": "<unk>", "use_default_system_prompt": False})
    names = {n: token(t) for n, t in (("bos_token", "<s>"), ("eos_token", "</s>"), ("pad_token", "<pad>"), ("unk_token", "<unk>"))}
    for t in names.values():
        t.pop("special")
    write_json(os.path.join(folder, "special_tokens_map.json"), {"image_token": "<image>", **names})
    with open(os.path.join(ROOT, "chat_templates", "llava15.jinja"), encoding="utf-8") as f:
        template = f.read().rstrip("\n")
    write_json(os.path.join(folder, "chat_template.json"), {"chat_template": template})
    with open(os.path.join(folder, "chat_template.jinja"), "w", encoding="utf-8", newline="\n") as f:
        f.write(template)
    write_json(os.path.join(folder, "processor_config.json"), processor_file(case))
    write_json(os.path.join(folder, "preprocessor_config.json"), clip_steps(case["vision"]["image_size"]))
    write_json(os.path.join(folder, "generation_config.json"), generation_file(pad_token_id=vocabulary + 1))
    text = {"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"], "model_type": "llama", **case["text"],
            "torch_dtype": "float16"}
    vision = {**case["vision"], "model_type": "clip_vision_model", "projection_dim": 768, "vocab_size": 32000}
    side = case["vision"]["image_size"] // case["vision"]["patch_size"]
    write_json(os.path.join(folder, "config.json"),
               {"architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_seq_length": side * side,
                **case["top"], "model_type": "llava", "pad_token_id": vocabulary + 1, "projector_hidden_act": "gelu",
                "text_config": text, "tie_word_embeddings": False, "torch_dtype": "float16",
                "transformers_version": "4.36.0.dev0", "vision_config": vision,
                "vision_feature_select_strategy": "default"})
    state = {older(k): v for k, v in sorted(store(model.state_dict(), case).items())}
    write_shards(folder, state, 3, lambda path, part: save_tensors(path, part, {"format": "pt"}))


def original_llava(folder, case, model, eos):
    """The layout of the original code: its configuration and names, the tower among the weights, files of torch.save."""
    write_sentencepiece(folder, case["text"]["vocab_size"])
    names = {}
    for name, content in (("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")):
        names[name] = {k: v for k, v in token(content).items() if k != "special"}
    write_json(os.path.join(folder, "tokenizer_config.json"),
               {"add_bos_token": True, "add_eos_token": False,
                **{k: {"__type": "AddedToken", **v} for k, v in names.items()},
                "clean_up_tokenization_spaces": False, "legacy": False, "model_max_length": 2048, "pad_token": None,
                "padding_side": "right", "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer"})
    write_json(os.path.join(folder, "special_tokens_map.json"), {**names, "pad_token": "<unk>"})
    write_json(os.path.join(folder, "generation_config.json"),
               generation_file(max_length=4096, pad_token_id=0, temperature=0.9, top_p=0.6))
    write_json(os.path.join(folder, "config.json"),
               {"_name_or_path": "llava-v1.5-7b", "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava_llama",
                **case["text"], "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
                "freeze_mm_mlp_adapter": False, "freeze_mm_vision_resampler": False, "image_aspect_ratio": "pad",
                "initializer_range": 0.02, "max_length": 4096, "mm_hidden_size": case["vision"]["hidden_size"],
                "mm_projector_type": "mlp2x_gelu", "mm_resampler_type": None, "mm_use_im_patch_token": False,
                "mm_use_im_start_end": False, "mm_vision_select_feature": "patch",
                "mm_vision_select_layer": case["top"]["vision_feature_layer"],
                "mm_vision_tower": "openai/clip-vit-large-patch14-336", "pretraining_tp": 1, "rope_scaling": None,
                "tie_word_embeddings": False, "torch_dtype": "float16", "transformers_version": "4.31.0",
                "tune_mm_mlp_adapter": False, "tune_mm_vision_resampler": False, "unfreeze_mm_vision_tower": False,
                "use_cache": True, "use_mm_proj": True})
    state = {}
    for name, value in sorted(store(model.state_dict(), case).items()):
        name = name.replace("model.vision_tower.", "model.vision_tower.vision_tower.vision_model.")
        state[original(name)] = value
    write_shards(folder, state, 2, lambda path, part: torch.save(dict(part), path), "pytorch_model", "bin")
    # What the authors keep beside it, of the first stage of training: the weights have it already.
    torch.save({k: v for k, v in state.items() if "mm_projector" in k}, os.path.join(folder, "mm_projector.bin"))


# Its own beginning of a text is one more than the tokenizer's; words come after pictures.
LLAMA3_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' -}}
    {%- if message['content'] is string -%}
        {{- message['content'] | trim -}}
    {%- else -%}
        {%- for part in message['content'] -%}
            {%- if part['type'] == 'image' -%}
                {{- '<image>' -}}
            {%- elif part['type'] == 'text' -%}
                {{- part['text'] | trim -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
{%- endif -%}
"""


def llama3(folder, case, model, eos):
    """Byte-level tokenizer, a template that writes the beginning itself, the class token kept, several ends."""
    backend = llama3_backend(case["tokens"])
    write_backend(folder, backend)
    write_json(os.path.join(folder, "tokenizer_config.json"),
               {"bos_token": "<|begin_of_text|>", "clean_up_tokenization_spaces": False, "eos_token": "<|eot_id|>",
                "pad_token": "<|end_of_text|>", "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 131072,
                "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": LLAMA3_TEMPLATE})
    write_json(os.path.join(folder, "processor_config.json"), processor_file(case))
    steps = clip_steps(case["vision"]["image_size"], do_center_crop=False, size={"height": 18, "width": 18}, resample=2)
    steps.pop("crop_size")
    write_json(os.path.join(folder, "preprocessor_config.json"), steps)
    ends = [backend.token_to_id("<|eot_id|>"), backend.token_to_id("<|end_of_text|>")]
    write_json(os.path.join(folder, "generation_config.json"),
               {"bos_token_id": backend.token_to_id("<|begin_of_text|>"), "do_sample": False, "eos_token_id": ends + eos,
                "max_new_tokens": 12, "transformers_version": "5.23.0"})
    model.config.save_pretrained(folder)
    state = store(model.state_dict(), case)
    state.pop("lm_head.weight")
    save_tensors(os.path.join(folder, "model.safetensors"), state, {"format": "pt"})


def resaved(folder, case, model, eos):
    """As transformers 5 saves processor and model."""
    from transformers import GenerationConfig, LlavaImageProcessor, LlavaProcessor
    with tempfile.TemporaryDirectory() as place:
        write_sentencepiece(place, case["top"]["image_token_index"])
        backend = llama2_backend(place, "first")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                                        pad_token="<pad>", extra_special_tokens={"image_token": "<image>"})
    side = case["vision"]["image_size"]
    pictures = LlavaImageProcessor(do_pad=True, size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    with open(os.path.join(ROOT, "chat_templates", "idefics.jinja"), encoding="utf-8") as f:
        template = f.read().rstrip("\n")
    LlavaProcessor(pictures, tokenizer, patch_size=case["vision"]["patch_size"], vision_feature_select_strategy="default",
                   num_additional_image_tokens=1, chat_template=template).save_pretrained(folder)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=[2] + eos, pad_token_id=0, max_new_tokens=12)
    with tempfile.TemporaryDirectory() as place:
        model.to(case["dtype"]).save_pretrained(place)
        model.float()
        for name in os.listdir(place):
            shutil.copyfile(os.path.join(place, name), os.path.join(folder, name))
