#!/usr/bin/env python3
"""Writes unicode_classes.inc and unicode_normal.inc, the tables behind unicode.cpp.

The tables answer as the `tokenizers` package answers: they are read out of it, code point by code point. No single
version of Unicode would do. Release 0.23.3 splits words by the classes of Unicode 16 (Oniguruma), lowercases as
Unicode 17 says (Rust), and normalises with Unicode 9 (unicode-normalization-alignments). A text holding a character
that came in between gets other tokens from any library that is right about today's Unicode.

    pip install tokenizers==0.23.3 && python models/text/unicode_tables.py
"""

from functools import cmp_to_key
from pathlib import Path

import tokenizers
from number_table import POINTS, table  # beside this file
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

HERE = Path(__file__).parent
HANGUL = range(0xAC00, 0xAC00 + 11172)  # composed by arithmetic, not by table
LETTER, NUMBER, SPACE, WORD = 1, 2, 3, 4  # WORD is a bit beside the other three

nfc = normalizers.NFC().normalize_str
nfd = normalizers.NFD().normalize_str
lower = normalizers.Lowercase().normalize_str


def classes():
    """[start << 3 | class] for each run of code points of one class."""
    of = dict.fromkeys(range(0x110000), 0)
    for pattern, value in ((r"\p{L}", LETTER), (r"\p{N}", NUMBER), (r"\s", SPACE)):
        split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
        for block in range(0, len(POINTS), 1024):
            for piece, _ in split.pre_tokenize_str("".join(map(chr, POINTS[block : block + 1024]))):
                assert len(piece) == 1 and not of[ord(piece)]
                of[ord(piece)] = value
    # What counts as part of a word shows where a token that wants to stand alone is refused.
    probe = Tokenizer(models.WordLevel({"?": 0, "!": 1}, unk_token="?"))
    probe.add_tokens([AddedToken("!", single_word=True, normalized=False)])
    for c, encoding in zip(POINTS, probe.encode_batch([chr(c) + "!" for c in POINTS])):
        if c != ord("!") and encoding.ids[-1] != 1:
            of[c] |= WORD
    return [c << 3 | of[c] for c in range(0x110000) if c == 0 or of[c] != of[c - 1]]


def lowercase():
    """[first, last, step, lower(first)] for each run whose lower case lies at one distance."""
    runs = []
    for c in POINTS:
        text = lower(chr(c))
        if text == chr(c):
            continue
        if len(text) != 1:
            assert (c, text) == (0x130, "i\u0307")  # the one that becomes two; unicode.cpp knows it
            continue
        if runs:
            first, last, step, to = runs[-1]
            gap = c - last
            if ord(text) - c == to - first and gap <= 2 and (step == gap or first == last):
                runs[-1] = [first, c, gap, to]
                continue
        runs.append([c, c, 1, ord(text)])
    return [number for run in runs for number in run]


def combining():
    """[start << 8 | class] for each run of one combining class. Only the order of classes matters: they are counted
    from 1, and 0 are the starters."""
    marks = [chr(c) for c in POINTS if nfd(chr(c)) == chr(c)]
    marks = [m for m in marks if nfd(m + "\u0334") != m + "\u0334" or nfd("\u0345" + m) != "\u0345" + m]

    def compare(a, b):  # of two marks, the one of the lower class moves to the front
        return (nfd(a + b) != a + b) - (nfd(b + a) != b + a)

    marks.sort(key=cmp_to_key(compare))
    of, rank = dict.fromkeys(range(0x110000), 0), 0
    for last, mark in zip([None] + marks, marks):
        rank += last is None or compare(last, mark) != 0
        of[ord(mark)] = rank
    return [c << 8 | of[c] for c in range(0x110000) if c and of[c] != of[c - 1]]


def decompositions():
    """One step each: singletons as runs [first, count, index of the first target], their targets, and pairs
    [whole, first, second]; a pair with the top bit of `whole` set is taken apart but never put together."""
    runs, targets, pairs = [], [], []
    for c in POINTS:
        parts = nfd(chr(c))
        if parts == chr(c) or c in HANGUL:
            continue
        if len(parts) == 1:
            if runs and runs[-3] + runs[-2] == c:
                runs[-2] += 1
            else:
                runs += [c, 1, len(targets)]
            targets.append(ord(parts))
            continue
        composes = nfc(parts) == chr(c)
        head = nfc(parts[:-1])
        if len(head) != 1:  # the head is itself never put together
            head = next(chr(h) for h in POINTS if nfd(chr(h)) == parts[:-1])
            assert not composes
        pairs += [c | (0 if composes else 1 << 31), ord(head), ord(parts[-1])]
    return runs, targets, pairs


def write(file, what, tables):
    text = f"// {what} Written by unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.\n"
    text += "// clang-format off\n#pragma once\n\n#include <cstdint>\n\nnamespace reel::models {\n\n"
    text += "\n".join(table(*entry) for entry in tables)
    (HERE / file).write_text(text + "\n}  // namespace reel::models\n")


def main():
    write("unicode_classes.inc", "Classes and lower case.", [
        ("kClassRuns", "Runs of one class: start << 3 | 4 if part of a word | 1 letter, 2 number, 3 space.", classes()),
        ("kLowerRuns", "Runs of one distance to the lower case: first, last, step, lower case of first.", lowercase()),
    ])
    runs, targets, pairs = decompositions()
    write("unicode_normal.inc", "Canonical normalisation.", [
        ("kCombiningRuns", "Runs of one combining class: start << 8 | class; classes keep only their order.", combining()),
        ("kSingletonRuns", "Code points that stand for one other: first, count, index of the first target.", runs),
        ("kSingletonTargets", "What they stand for.", targets),
        ("kPairs", "Code points made of two: whole (top bit: never put together), first, second.", pairs),
    ])


if __name__ == "__main__":
    main()
