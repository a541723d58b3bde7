"""Reading and writing of trained weights, and carrying a text encoder over to a longer list of words."""
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file


def save_shards(tensors, folder, limit=13_000_000):
    """model-0.safetensors, model-1.safetensors, ... of at most `limit` bytes each."""
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        if size + tensor.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    for i, shard in enumerate(shards):
        save_file(shard, folder / f"model-{i}.safetensors")


def load_weights(folder):
    """Weights by network, from save_shards' files or from an exported checkpoint's folder."""
    groups = {"vae": {}, "text_encoder": {}, "unet": {}}
    packed = pathlib.Path(folder, "packed.safetensors")
    if packed.exists():
        from pack import unpack
        for name, tensor in unpack(load_file(packed)).items():
            group, rest = name.split(".", 1)
            groups[group][rest] = tensor
    for path in sorted(pathlib.Path(folder).glob("model-*.safetensors")):
        for name, tensor in load_file(path).items():
            group, rest = name.split(".", 1)
            groups[group][rest] = tensor
    alone = pathlib.Path(folder, "vae.safetensors")  # train_vae.py's file
    if alone.exists():
        groups["vae"] = load_file(alone)
    for group, weights in groups.items():
        for path in sorted(pathlib.Path(folder, group).glob("*.safetensors")):
            weights.update(load_file(path))
    # Public CLIP files name the text model's weights with this prefix, newer transformers without.
    text = groups["text_encoder"]
    groups["text_encoder"] = {k.removeprefix("text_model."): v for k, v in text.items()}
    return groups


EMBEDDING = "embeddings.token_embedding.weight"


def extend_words(weights, folder, tokens, world):
    """Fits a text encoder's weights, from `folder`, to the tokens of the present word list.

    A token that the folder knows keeps its vector. A new word begins as the mean of the names that it can stand for: a
    puppy as a dog, runs as moving; any other token as the mean of the known vectors.
    """
    path = pathlib.Path(folder, "tokenizer", "vocab.json")
    if not path.exists():
        return weights  # this project's own format, of the present words
    old = json.loads(path.read_text(encoding="utf-8"))
    table = weights[EMBEDDING].float()
    word = lambda w: table[old[w + "</w>"]]  # noqa: E731
    mean = table[[i for t, i in old.items() if t.endswith("</w>") and len(t) > 5]].mean(0)
    starts = {}
    for phrase, name in world.sentences().meanings():
        for w in phrase.split():
            if w + "</w>" not in old:
                starts.setdefault(w, []).append(torch.stack([word(n) for n in name.split()]).mean(0))
    new = torch.empty(len(tokens.vocabulary), table.shape[1])
    for token, i in tokens.vocabulary.items():
        w = token.removesuffix("</w>")
        if token in old:
            new[i] = table[old[token]]
        elif token.endswith("</w>") and w in starts:
            new[i] = torch.stack(starts[w]).mean(0)
        else:
            new[i] = mean
    return {**weights, EMBEDDING: new}


def tie_held_out(text_encoder, tokens, world):
    """Gives every held-out word, which no training text has, the vector of the word that it is tied to."""
    table = text_encoder.get_input_embeddings().weight.data
    for held, known in world.sentences().lists["held_out_words"].items():
        table[tokens.vocabulary[held + "</w>"]] = table[tokens.vocabulary[known + "</w>"]]
