#!/usr/bin/env python3
"""Checks every #include of the tree against the rules of docs/architecture.md.

    python3 .ci/check_layering.py [ROOT]
    python3 .ci/check_layering.py --self-test

Prints `file:line: rule` for each violation and exits with 1 if there is any.
"""
import os
import re
import sys
import tempfile

# The chain, left to right: a folder may include itself and what stands to its right.
CHAIN = ["app", "pipeline", "guidance", "models", "attention"]
HEADERS = (".h", ".hpp", ".cuh", ".inc")
SOURCES = HEADERS + (".cpp", ".cu")

# (what is included, the sources that may see it, the rule in words). What counts is what a source sees, directly or
# through headers; a header beside such sources may include it as well. Patterns are matched against the path from the
# root; tests/X follows the rules of X unless it is named here.
LIBRARIES = [
    (r"opencv2/|libav\w+/|libsw\w+/", r"pipeline/media/.*\.cpp", "OpenCV and FFmpeg belong in pipeline/media/*.cpp"),
    (r"CLI/", r"app/.*", "CLI11 belongs in app/"),
    (r"boost/", r"app/.*\.cpp", "Boost belongs in app/"),
    (r"sqlite3\.h", r"pipeline/journal\.cpp", "SQLite belongs in pipeline/journal.cpp"),
    (r"sentencepiece|pcre2", r"models/text/tokenizer\w*\.cpp",
     "SentencePiece and PCRE2 belong in models/text/tokenizer*.cpp"),
    (r"xtensor|xtl/", r"guidance/schedulers/.*\.cpp|tests/.*", "xtensor belongs in guidance/schedulers/ and tests/"),
    (r"cuda|c10/cuda/|ATen/cuda/|cub/|cutlass/", r"\w+/ops/.*\.(cu|cuh)|\w+/ops/(\w+/)*\w+_(cuda|kernel)\.cpp|tests/.*",
     "CUDA belongs in */ops/*.cu, */ops/*_cuda.cpp and the *_kernel.h between them"),
    (r"torch/(?!library\.h|version\.h)", r"(?!)",
     "of LibTorch, ATen, c10, torch/library.h and torch/version.h are used; not torch::nn"),
    (r"gtest/|gmock/", r"tests/.*", "GoogleTest belongs in tests/"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer(path):
    head = path.split("/")[0]
    return CHAIN.index(head) if head in CHAIN else None


def broken_rules(root, path, quote, target):
    """The rules that `#include target` breaks in the file `path`; both are relative to the root."""
    mine, theirs = layer(path), layer(target)
    if mine is not None:
        if theirs is not None and theirs < mine:
            yield f"{CHAIN[mine]} may not include {target}: includes point right along " + " -> ".join(CHAIN)
        elif target.startswith("tests/"):
            yield f"{target}: the program may not include its tests"
        elif quote == '"' and theirs is None and not os.path.isfile(os.path.join(root, target)):
            yield f'"{target}": includes of ours start at the root of the tree; those of others stand in <>'
        elif theirs is not None and not os.path.isfile(os.path.join(root, target)):
            yield f'"{target}" does not exist'
    for library, allowed, rule in LIBRARIES:
        if re.match(library, target) and not may_see(path, allowed):
            yield f"<{target}>: {rule}"


def may_see(path, allowed):
    path = re.sub(r"\.(h|hpp|inc)$", ".cpp", path)
    place = path[len("tests/"):] if path.startswith("tests/") else path
    return any(re.fullmatch(allowed, p) for p in {path, place})


def check(root):
    includes = {}  # path -> [(line, quote, target)]
    for top in CHAIN + ["tests"]:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SOURCES):
                    full = os.path.join(folder, name)
                    with open(full, encoding="utf-8") as file:
                        found = [(number, INCLUDE.match(line)) for number, line in enumerate(file, 1)]
                    includes[os.path.relpath(full, root)] = [(n, *match.groups()) for n, match in found if match]
    problems = []
    for path, lines in includes.items():
        for number, quote, target in lines:
            rules = list(broken_rules(root, path, quote, target)) + list(json_rules(includes, path, target))
            if not path.endswith(HEADERS):
                rules += leaks(includes, path, target)
            problems += [f"{path}:{number}: {rule}" for rule in rules]
    return problems


def json_rules(includes, path, target):
    """JSON is slow to compile: of headers only a helper of several sources, NAME_json.h, may include it."""
    if not target.startswith("nlohmann/") or not path.endswith(HEADERS) or path.startswith("tests/"):
        return
    users = [user for user, lines in includes.items() if any(line[2] == path for line in lines)]
    # One such helper may stand on another, which is judged by the same rule.
    if not path.endswith("_json.h") or any(user.endswith(HEADERS) and not user.endswith("_json.h") for user in users):
        yield (f"<{target}>: nlohmann/json belongs in .cpp files, or in a NAME_json.h that only .cpp files and others of "
               "that kind include")


def leaks(includes, path, target):
    """Libraries that the source `path` may not see and does see through the header `target`."""
    seen, open_list = set(), [target]
    while open_list:
        header = open_list.pop()
        if header in seen or header not in includes:
            continue
        seen.add(header)
        open_list += [line[2] for line in includes[header]]
    for header in sorted(seen):
        for _, _, inner in includes[header]:
            for library, allowed, rule in LIBRARIES:
                if re.match(library, inner) and not may_see(path, allowed):
                    yield f"{target} brings in <{inner}> through {header}: {rule}"


# path -> (its text, the number of violations in it)
SELF_TEST = {
    "attention/call.h": ("#include <ATen/core/Tensor.h>\n#include <vector>\n", 0),
    "attention/bad_layer.h": ('// up the chain\n#include "models/vae.h"\n', 1),
    "attention/bad_relative.cpp": ('#include "../attention/call.h"\n#include "call.h"\n', 2),
    "attention/bad_spelling.cpp": ("#  include  <nlohmann/json.hpp>\n#include <CLI/CLI.hpp>\n", 1),
    "attention/bad_missing.cpp": ('#include "attention/absent.h"\n', 1),
    "attention/ops/good_cuda.cpp": ("#include <c10/cuda/CUDAStream.h>\n", 0),
    "attention/ops/good_kernel.h": ("#include <cuda_runtime.h>\n", 0),
    "attention/ops/bad.cpp": ("#include <c10/cuda/CUDAStream.h>\n", 1),
    "models/vae.h": ('#include "attention/call.h"\n', 0),
    "models/bad.h": ("#include <nlohmann/json.hpp>\n", 1),
    "models/good_json.h": ("#include <nlohmann/json.hpp>\n", 0),
    "models/good.cpp": ('#include "models/good_json.h"\n', 0),
    "models/outer_json.h": ('#include <nlohmann/json.hpp>\n#include "models/good_json.h"\n', 0),
    "models/bad_json.h": ("#include <nlohmann/json.hpp>\n", 1),
    "models/header.h": ('#include "models/bad_json.h"\n', 0),
    "models/bad_module.cpp": ("#include <torch/torch.h>\n#include <torch/library.h>\n", 1),
    "guidance/bad_media.cpp": ("#include <opencv2/core.hpp>\n", 1),
    "pipeline/media/good.cpp": ("#include <libavcodec/avcodec.h>\n#include <opencv2/core.hpp>\n", 0),
    "pipeline/media/inner.h": ("#include <libavcodec/avcodec.h>\n", 0),
    "pipeline/media/outer.h": ('#include "pipeline/media/inner.h"\n', 0),
    "pipeline/media/good_outer.cpp": ('#include "pipeline/media/outer.h"\n', 0),
    "pipeline/bad_leak.cpp": ('#include "models/vae.h"\n#include "pipeline/media/outer.h"\n', 1),
    "pipeline/bad.h": ("#include <libavcodec/avcodec.h>\n", 1),
    "pipeline/bad_up.cpp": ('#include "app/main.h"\n', 1),
    "pipeline/bad_test.cpp": ('#include "tests/support/stub.h"\n', 2),  # and GoogleTest through it
    "app/main.h": ('#include "models/vae.h"\n', 0),
    "app/main.cpp": ("#include <CLI/CLI.hpp>\n#include <nlohmann/json.hpp>\n", 0),
    "tests/support/stub.h": ("#include <gtest/gtest.h>\n", 0),
    "tests/pipeline/media/good_test.cpp": ('#include <libavcodec/avcodec.h>\n#include "tests/support/stub.h"\n', 0),
    "tests/models/bad_test.cpp": ("#include <opencv2/core.hpp>\n", 1),
}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, (text, _) in SELF_TEST.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        problems = check(root)
        wrong = []
        for path, (_, expected) in SELF_TEST.items():
            found = [problem for problem in problems if problem.startswith(path + ":")]
            if len(found) != expected:
                wrong.append(f"{path}: expected {expected} violations, found {len(found)}: {found}")
        return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        problems, subject = self_test(), "the layering check itself"
    else:
        root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        problems, subject = check(root), "includes"
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems with {subject}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
