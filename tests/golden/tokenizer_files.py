"""Writes small CLIP tokenizer folders; the byte-pair merges are learned here, deterministically."""

import os

from common import ROOT, write_json

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode


BOS, EOS = "<|startoftext|>", "<|endoftext|>"
BASE = list(bytes_to_unicode().values())


def base_vocabulary():
    return BASE + [c + "</w>" for c in BASE]


def word_counts():
    """The pieces of the corpus, as symbols of the byte alphabet, through the real normaliser and splitter."""
    tokenizer = CLIPTokenizer(vocab={t: i for i, t in enumerate(base_vocabulary() + [BOS, EOS])}, merges=[])
    backend = tokenizer.backend_tokenizer
    counts = {}
    with open(os.path.join(ROOT, "tokenizer_corpus.txt"), encoding="utf-8") as f:
        for line in f:
            for piece, _ in backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(line)):
                word = tuple(piece[:-1]) + (piece[-1] + "</w>",)
                counts[word] = counts.get(word, 0) + 1
    return counts


def learn_merges(limit):
    words = dict(sorted(word_counts().items()))
    merges = []
    while len(merges) < limit:
        pairs = {}
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + count
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        merged = {}
        for word, count in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(word[i] + word[i + 1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            merged[tuple(out)] = merged.get(tuple(out), 0) + count
        words = merged
    return merges


def public_config(max_length):
    """tokenizer_config.json and special_tokens_map.json as in the Stable Diffusion 1.5 repository."""
    def token(text):
        return {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}

    def typed(text):
        return {"__type": "AddedToken", **token(text)}

    config = {"add_prefix_space": False, "bos_token": typed(BOS), "do_lower_case": True, "eos_token": typed(EOS),
              "errors": "replace", "model_max_length": max_length, "pad_token": EOS,
              "tokenizer_class": "CLIPTokenizer", "unk_token": typed(EOS)}
    special = {"bos_token": token(BOS), "eos_token": token(EOS), "pad_token": EOS, "unk_token": token(EOS)}
    return config, special


def write_tokenizer(folder, merge_count, max_length, public=False):
    """`public`: the files of older repositories, without tokenizer.json. Returns the loaded tokenizer."""
    os.makedirs(folder, exist_ok=True)
    merges = learn_merges(merge_count)
    tokens = base_vocabulary() + [a + b for a, b in merges] + [BOS, EOS]
    vocab = {t: i for i, t in enumerate(tokens)}
    assert len(vocab) == len(tokens)
    special = {"bos_token": BOS, "eos_token": EOS, "pad_token": EOS, "unk_token": EOS}
    if public:
        config, special = public_config(max_length)
        write_json(os.path.join(folder, "tokenizer_config.json"), config)
    else:
        CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=max_length).save_pretrained(folder)
    write_json(os.path.join(folder, "special_tokens_map.json"), special)
    write_json(os.path.join(folder, "vocab.json"), vocab)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8", newline="\n") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return CLIPTokenizer.from_pretrained(folder)
