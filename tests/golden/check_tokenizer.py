"""The pipeline of tokenizer/README.md written out in plain Python, run over every golden string.

It uses neither transformers nor tokenizers: only the files of the tokenizer folder, and the
normalisation data of Python for characters of Unicode 9.0 and before.
"""

import os
import re
import unicodedata

from common import ROOT, read_json

FOLDER = os.path.join(ROOT, "tokenizer")
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def members(ranges):
    return {c for a, b in ranges for c in range(a, b + 1)}


CLASSES = read_json(os.path.join(FOLDER, "character_classes.json"))
LETTERS, NUMBERS, SPACES, COMBINING = (
    members(CLASSES[k]) for k in ("letters", "numbers", "white_space", "combining"))
LOWER = {row[0]: "".join(map(chr, row[1:])) for row in CLASSES["lower_case"]}


def byte_alphabet():
    """Printable bytes stand for themselves, the others for U+0100 onwards in order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


BYTES = byte_alphabet()


def nfc(text):
    """NFC with the data of Unicode 9.0: marks that are newer neither move nor compose."""
    out, part = "", ""
    for c in text:
        newer = unicodedata.combining(c) and ord(c) not in COMBINING or c in "\U00011930\U00011938"
        if newer:
            out, part = out + unicodedata.normalize("NFC", part) + c, ""
        else:
            part += c
    return out + unicodedata.normalize("NFC", part)


def normalize(text):
    text = nfc(text)
    text = "".join(" " if ord(c) in SPACES else c for c in text)
    text = re.sub(" +", " ", text)
    return "".join(LOWER.get(ord(c), c) for c in text)


def kind(c):
    return "L" if ord(c) in LETTERS else "N" if ord(c) in NUMBERS else "S" if ord(c) in SPACES else "P"


def run_end(text, i):
    j = i
    while j < len(text) and kind(text[j]) == kind(text[i]):
        j += 1
    return j


def split(text):
    """The alternatives of the expression, tried in their order at each place."""
    pieces, i = [], 0
    while i < len(text):
        literal = next((s for s in (BOS, EOS, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(s, i)), None)
        if literal in (BOS, EOS):
            # The byte-level step splits once more; only here it makes a difference.
            pieces += ["<|", literal[2:-2], "|>"]
            i += len(literal)
            continue
        if literal:
            end = i + len(literal)
        elif kind(text[i]) == "S":
            i += 1
            continue
        elif kind(text[i]) == "N":
            end = i + 1
        else:
            end = run_end(text, i)
        pieces.append(text[i:end])
        i = end
    return pieces


def merge(symbols, ranks):
    while len(symbols) > 1:
        rank, i = min((ranks.get(pair, len(ranks)), i) for i, pair in enumerate(zip(symbols, symbols[1:])))
        if rank == len(ranks):
            break
        symbols[i:i + 2] = [symbols[i] + symbols[i + 1]]
    return symbols


def encode(text, vocab, ranks, special):
    """`special`: an expression for the special tokens, which are looked for in the text as it is."""
    ids = [vocab[BOS]]
    for part in re.split(special, text):
        if part in (BOS, EOS):
            ids.append(vocab[part])
            continue
        for piece in split(normalize(part)):
            symbols = [BYTES[b] for b in piece.encode()]
            symbols[-1] += "</w>"
            ids += [vocab[s] for s in merge(symbols, ranks)]
    return ids + [vocab[EOS]]


def main():
    vocab = read_json(os.path.join(FOLDER, "vocab.json"))
    with open(os.path.join(FOLDER, "merges.txt"), encoding="utf-8") as f:
        ranks = {tuple(line.split()): i for i, line in enumerate(f.read().splitlines()[1:])}
    special = f"({re.escape(BOS)}|{re.escape(EOS)})"
    rows = read_json(os.path.join(FOLDER, "strings.json"))
    wrong = [r["text"] for r in rows if encode(r["text"], vocab, ranks, special) != r["ids"]]
    print(f"{len(rows) - len(wrong)} of {len(rows)} strings agree", [ascii(w)[:60] for w in wrong])
    assert not wrong


if __name__ == "__main__":
    main()
