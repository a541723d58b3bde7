"""The tokenizer folder, ids of many strings, and the character classes that the reference uses."""

import json
import os
import shutil

from common import ROOT, fresh_folder, generator, read_json, write_json

import torch
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import CLIPTokenizer

from tokenizer_files import EOS, BOS, public_config, write_tokenizer
from tokenizer_strings import groups

MERGES = 1500


def random_strings(code_points):
    """Random sequences over all planes, and over a small set where classes and repeats collide."""
    out = []
    g = generator("tokenizer strings")

    def pick(n):
        return int(torch.randint(0, n, (1,), generator=g))

    small = "aAbB'sStTrReEvVmMlLdD09 .,!?<|>\t\n\u00a0\u0301\u00e9\u0130\u03a3\u4e2d\U0001f600\u200d\ufe0f"
    for _ in range(60):
        out.append("".join(small[pick(len(small))] for _ in range(4 + pick(30))))
    for _ in range(30):
        out.append("".join(chr(code_points[pick(len(code_points))]) for _ in range(3 + pick(10))))
    return out


def encode_all(tokenizer, listing):
    return [{"group": group, "text": text, "ids": tokenizer(text).input_ids} for group, text in listing]


def write_lines(path, rows):
    """A JSON array with one row per line; everything beyond ASCII is escaped."""
    with open(path, "w", encoding="ascii", newline="\n") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, ensure_ascii=True) for r in rows) + "\n]\n")


def ranges(code_points):
    out = []
    for c in sorted(code_points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def character_classes():
    """The letters, numbers, white space, lower-case mapping and combining marks of the reference."""
    points = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    text = "".join(map(chr, points))

    def matching(pattern):
        split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
        return {points[i] for _, (a, b) in split.pre_tokenize_str(text) for i in range(a, b)}

    lower = normalizers.Lowercase()
    mapping = {}
    for c in points:
        small = lower.normalize_str(chr(c))
        if small != chr(c):
            mapping[c] = [ord(x) for x in small]
    # A mark has a combining class if NFC moves it over a mark of a lower or higher class.
    nfc, low, high, base = normalizers.NFC(), "\u0334", "\u0345", "\u4e00"
    combining = {c for c in points if nfc.normalize_str(base + chr(c) + low) == base + low + chr(c) != base + 2 * low
                 or nfc.normalize_str(base + high + chr(c)) == base + chr(c) + high != base + 2 * high}
    # The marks that decompose never stay as they are; their classes are those of all Unicode versions.
    combining |= {0x0334, 0x0340, 0x0341, 0x0343, 0x0344, 0x0345}
    return {"letters": ranges(matching(r"\p{L}+")), "numbers": ranges(matching(r"\p{N}+")),
            "white_space": ranges(matching(r"\s+")), "combining": ranges(combining),
            "lower_case": [[c, *m] for c, m in mapping.items()]}


def write_classes(path, classes):
    """One class per line."""
    with open(path, "w", encoding="ascii", newline="\n") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(v, separators=(",", ":"))}'
                                   for k, v in classes.items()) + "\n}\n")


def main():
    folder = fresh_folder("tokenizer_new")
    readme = os.path.join(ROOT, "tokenizer", "README.md")
    if os.path.exists(readme):  # the hand-written description stays
        shutil.copy(readme, folder)
    shutil.rmtree(os.path.join(ROOT, "tokenizer"), ignore_errors=True)
    os.rename(folder, os.path.join(ROOT, "tokenizer"))
    folder = os.path.join(ROOT, "tokenizer")

    tokenizer = write_tokenizer(folder, MERGES, 77)
    classes = character_classes()
    write_classes(os.path.join(folder, "character_classes.json"), classes)

    letters = [c for a, b in classes["letters"] + classes["numbers"] for c in range(a, b + 1)]
    listing = [(g, s) for g, strings in groups().items() for s in strings]
    listing += [("random", s) for s in random_strings(letters)]
    first = {}
    for group, text in listing:
        first.setdefault(text, group)
    listing = [(group, text) for text, group in first.items()]  # each string once
    rows = encode_all(tokenizer, listing)
    write_lines(os.path.join(folder, "strings.json"), rows)

    # The public layout differs only in how `<|startoftext|>` in a text is matched: after normalisation.
    config, special = public_config(77)
    public = fresh_folder("tokenizer", "public_layout")
    write_json(os.path.join(public, "tokenizer_config.json"), config)
    write_json(os.path.join(public, "special_tokens_map.json"), special)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(os.path.join(folder, name), public)
    other = encode_all(CLIPTokenizer.from_pretrained(public), listing)
    write_lines(os.path.join(public, "different_strings.json"),
                [o for o, r in zip(other, rows) if o["ids"] != r["ids"]])
    for name in ("vocab.json", "merges.txt"):
        os.remove(os.path.join(public, name))  # the same as one level up

    padded = []
    for text in ["", "a red fox", "  ", "a red fox " * 30, "x" * 74, "1" * 75, "1" * 76, "1" * 77, EOS * 80, BOS]:
        for length in (77, 16):
            ids = tokenizer(text, padding="max_length", max_length=length, truncation=True).input_ids
            padded.append({"text": text, "max_length": length, "ids": ids})
    write_lines(os.path.join(folder, "padded.json"), padded)

    again = CLIPTokenizer.from_pretrained(folder)
    assert all(again(r["text"]).input_ids == r["ids"] for r in read_json(os.path.join(folder, "strings.json")))
    print(f"tokenizer: {len(tokenizer)} entries, {len(rows)} strings, "
          f"{sum(o['ids'] != r['ids'] for o, r in zip(other, rows))} differ in the public layout")


if __name__ == "__main__":
    main()
