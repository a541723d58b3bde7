#!/usr/bin/env python3
"""Writes python_text.inc, the tables behind python_text.cpp: case and printability of characters as Python's str has them.

    python3 models/text/jinja/values/python_text_tables.py

Templates are rendered by Python, so its answers count: `upper` turns one letter into up to three, `title` knows digraphs,
`lower` knows the final sigma, and `repr` escapes what is not printable. The tables are read out of the running Python.
"""

import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # models/text
from number_table import POINTS, table  # noqa: E402

LOWER, UPPER, TITLE, IGNORABLE, PRINTABLE = 1, 2, 3, 4, 8  # the first three are a number of two bits


def flags(c):
    s = chr(c)
    value = LOWER if s.islower() else UPPER if s.isupper() else TITLE if s.istitle() else 0
    # A sigma is final behind a cased letter, and characters between them that have no say in it are passed over.
    if not value and ("A" + s + "\u03a3").lower()[-1] == "\u03c2":
        value |= IGNORABLE
    return value | (PRINTABLE if s.isprintable() else 0)


def classes():
    runs, last = [], None
    for c in POINTS:
        now = flags(c)
        if now != last:
            runs.append(c << 4 | now)
            last = now
    return runs


def mapping(change, plain):
    """Runs [first, last, step, change(first)] of one distance, and [point, three targets] of those that become several."""
    runs, special = [], []
    for c in POINTS:
        text = change(chr(c))
        if text == plain(chr(c)):
            continue
        if len(text) != 1:
            special += [c] + [ord(t) for t in text] + [0] * (3 - len(text))
            continue
        if runs:
            first, last, step, to = runs[-1]
            gap = c - last
            if ord(text) - c == to - first and gap <= 2 and (step == gap or first == last):
                runs[-1] = [first, c, gap, to]
                continue
        runs.append([c, c, 1, ord(text)])
    return [number for run in runs for number in run], special


def main():
    upper, upper_special = mapping(str.upper, lambda s: s)
    lower, lower_special = mapping(str.lower, lambda s: s)
    assert lower_special == [0x130, 0x69, 0x307, 0]  # python_text.cpp knows it
    title, title_special = mapping(str.title, str.upper)
    tables = [
        table("kCaseRuns", "Runs: start << 4 | 8 if printable | 4 if passed over before a sigma | 1 lower, 2 upper, 3 title.", classes()),
        table("kUpperRuns", "Runs of one distance to the upper case: first, last, step, upper case of first.", upper),
        table("kUpperSpecial", "Upper case of several characters: point, three characters, 0 for none.", upper_special),
        table("kLowerCaseRuns", "Runs of one distance to the lower case.", lower),
        table("kTitleRuns", "Title case where it is not the upper case; runs as above.", title),
        table("kTitleSpecial", "Title case of several characters where it is not the upper case.", title_special),
    ]
    text = (f"// Case and printability. Written by python_text_tables.py from Python {sys.version_info.major}."
            f"{sys.version_info.minor} (Unicode {unicodedata.unidata_version}); do not edit.\n")
    text += "// clang-format off\n#pragma once\n\n#include <cstdint>\n\nnamespace reel::models::jinja {\n\n"
    (Path(__file__).parent / "python_text.inc").write_text(text + "\n".join(tables) + "\n}  // namespace reel::models::jinja\n")


if __name__ == "__main__":
    main()
