#!/usr/bin/env python3
"""Checks the tree against the layout rules of docs/architecture.md: includes, headers, folders and plug-ins.

    python3 .ci/check_layering.py [--plugin-tests] [ROOT]
    python3 .ci/check_layering.py --self-test

Prints `file:line: rule` or `file: rule` for each violation and exits with 1 if there is any. With --plugin-tests, each
plug-in must have its test. Above 300 lines because half of it is the samples of its own test.
"""
import os
import re
import sys
import tempfile

# The chain, left to right: a folder may include itself and what stands to its right.
CHAIN = ["app", "pipeline", "guidance", "models", "attention"]

# The inner folders that the files of an inner folder may include, besides their own and the files directly in the top
# folder. "" stands for the files directly in the top folder. A folder without a row is a violation.
FORMATS = {"layers", "layouts", "files", "ops"}
NETWORKS = {"unet", "dit", "llm", "vision", "text"}
INNER = {
    "app": {"": {"session"}, "session": set(), "caption": {"session"}, "eval": {"session", "caption"}},
    "pipeline": {"": {"run", "graph", "media", "foresight"}, "graph": set(), "run": {"graph"}, "jobs": {"run", "graph", "media"}, "media": set(),
                 "foresight": {"run", "graph", "media"}, "batch": {"run", "graph"}, "captioning": {"run"}, "nodes": {"run", "graph", "media", "foresight", "captioning"}, "evaluation": {"run", "graph", "media"}},
    "guidance": {"": {"sampling"}, "sampling": set(), "decoding": set(), "schedulers": {"sampling"},
                 "guiders": {"sampling"}},
    "models": {"": NETWORKS | FORMATS | {"pipelines"}, "families": NETWORKS | FORMATS, "pipelines": NETWORKS | FORMATS,
               "unet": FORMATS, "dit": FORMATS, "llm": FORMATS, "vision": FORMATS, "text": {"layers", "files"},
               "layers": {"files", "ops"}, "layouts": {"files"}, "hashing": {"files"}, "lora": {"layouts", "files"}, "files": set(), "ops": set()},
    "attention": {"": {"plugin", "ops", "processing"}, "edits": {"plugin", "ops"}, "plugin": set(), "ops": set(),
                  "processing": set()},
}

# Each source directly in these folders is a plug-in, which has no header: nobody calls it by name. A folder that holds
# no plug-in yet is an ordinary one.
PLUGIN_FOLDERS = ["attention/edits", "pipeline/nodes", "guidance/schedulers", "guidance/guiders", "models/families",
                  "models/pipelines"]
PLUGIN = re.compile(r"^void register_(\w+)\(", re.MULTILINE)

# Sources without a header of their name, and why.
HEADERLESS = {
    "pipeline/media/no_media.cpp": "defines the functions of several headers in a build without FFmpeg and OpenCV",
}
# One function has several sources, one for each device; its header has the function's name.
DEVICE_HALF = re.compile(r"\w+_(cpu|cuda|kernel)\.cpp")
# A verb is declared in app/verbs.h, main() nowhere.
VERB = re.compile(r"^(void add_\w+_verbs?|int main)\(", re.MULTILINE)

MOST_FILES = 25  # in a folder: more than one screen is a drawer

HEADERS = (".h", ".hpp", ".cuh", ".inc")
SOURCES = HEADERS + (".cpp", ".cu")

# (what is included, the sources that may see it, the rule in words). What counts is what a source sees, directly or
# through headers; a header beside such sources may include it as well. Patterns are matched against the path from the
# root; tests/X follows the rules of X unless it is named here.
LIBRARIES = [
    (r"opencv2/|libav\w+/|libsw\w+/", r"pipeline/media/.*\.cpp", "OpenCV and FFmpeg belong in pipeline/media/*.cpp"),
    (r"jpeglib\.h|jerror\.h|png\.h|tiffio\.h|webp/", r"pipeline/media/.*\.cpp",
     "libjpeg, libpng, libtiff and libwebp belong in pipeline/media/*.cpp"),
    (r"CLI/", r"app/.*", "CLI11 belongs in app/"),
    (r"toml\+\+/", r"app/session/options/config_file\.cpp", "toml++ belongs in app/session/options/config_file.cpp"),
    (r"boost/", r"app/.*\.cpp", "Boost belongs in app/"),
    (r"sqlite3\.h", r"pipeline/batch/journal\.cpp", "SQLite belongs in pipeline/batch/journal.cpp"),
    (r"sentencepiece_", r"models/text/tokenizers/sentence_piece_tokenizer\.cpp",
     "SentencePiece belongs in models/text/tokenizers/sentence_piece_tokenizer.cpp"),
    (r"pcre2", r"models/text/tokenizers/stages/token_pattern\.cpp", "PCRE2 belongs in models/text/tokenizers/stages/token_pattern.cpp"),
    (r"xtensor/|xtl/", r"guidance/.*\.cpp|pipeline/evaluation/.*\.cpp|tests/.*\.cpp",
     "xtensor belongs in the .cpp files of guidance/, pipeline/evaluation/ and tests/"),
    (r"cuda|c10/cuda/|ATen/cuda/|cub/|cutlass/|cublas|cudnn|nccl|torch/csrc/distributed/",
     r"\w+/ops/.*\.(cu|cuh)|\w+/ops/(\w+/)*\w+_(cuda|kernel)\.cpp|tests/.*",
     "CUDA and its libraries belong in */ops/*.cu, */ops/*_cuda.cpp and the *_kernel.h between them"),
    (r"torch/(?!library\.h|version\.h|csrc/distributed/)", r"(?!)",
     "of LibTorch, ATen, c10, torch/library.h and torch/version.h are used; not torch::nn"),
    (r"attention/(fused_attention|explicit_attention)\.h|attention/ops/(sdpa\.h|frame/)", r"attention/.*|tests/.*",
     "attention's kernels are reached through attention/processor.h alone"),
    (r"gtest/|gmock/", r"tests/.*", "GoogleTest belongs in tests/"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer(path):
    head = path.split("/")[0]
    return CHAIN.index(head) if head in CHAIN else None


def room(path):
    """The inner folder of a file: "unet" for models/unet/unet.h, "" for models/vae.h."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def inner_rules(path, target):
    """The inner arrow that `#include target` breaks; both files lie below the same top folder."""
    top, mine, theirs = path.split("/")[0], room(path), room(target)
    if mine not in INNER[top]:
        yield f"{top}/{mine} has no row in INNER of .ci/check_layering.py: say there what it may include"
    elif theirs not in {"", mine} | INNER[top][mine]:
        allowed = ", ".join(sorted(INNER[top][mine])) or "no other inner folder"
        yield f"{target}: {top + '/' + mine if mine else 'a file directly in ' + top} may include {allowed}"


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
        elif theirs == mine:
            yield from inner_rules(path, target)
    for library, allowed, rule in LIBRARIES:
        if re.match(library, target) and not may_see(path, allowed):
            yield f"<{target}>: {rule}"


def may_see(path, allowed):
    path = re.sub(r"\.(h|hpp|inc)$", ".cpp", path)
    place = path[len("tests/"):] if path.startswith("tests/") else path
    return any(re.fullmatch(allowed, p) for p in {path, place})


def check(root, plugin_tests=False):
    texts, folders = {}, {}  # path -> its text; folder -> the names of its files
    for top in CHAIN + ["tests"]:
        for folder, inner, files in os.walk(os.path.join(root, top)):
            inner.sort()
            folders[os.path.relpath(folder, root)] = files
            for name in sorted(files):
                if name.endswith(SOURCES):
                    full = os.path.join(folder, name)
                    with open(full, encoding="utf-8") as file:
                        texts[os.path.relpath(full, root)] = file.read()
    problems = include_problems(root, texts) + header_problems(texts) + plugin_problems(texts, plugin_tests)
    for folder, files in folders.items():
        if folder.split("/")[0] in CHAIN and len(files) > MOST_FILES:
            problems.append(f"{folder}: {len(files)} files; open a folder inside for some of them (at most {MOST_FILES})")
    return problems


def include_problems(root, texts):
    includes = {}  # path -> [(line, quote, target)]
    for path, text in texts.items():
        found = [(number, INCLUDE.match(line)) for number, line in enumerate(text.splitlines(), 1)]
        includes[path] = [(n, *match.groups()) for n, match in found if match]
    problems = []
    for path, lines in includes.items():
        for number, quote, target in lines:
            rules = list(broken_rules(root, path, quote, target)) + list(json_rules(includes, path, target))
            rules += xtensor_rules(path, target)
            if not path.endswith(HEADERS):
                rules += leaks(includes, path, target)
            problems += [f"{path}:{number}: {rule}" for rule in rules]
    return problems


def plugins_of(texts, folder):
    """The plug-ins directly in a folder: path -> name."""
    found = {}
    for path, text in texts.items():
        name = os.path.basename(path).split(".")[0]
        if os.path.dirname(path) == folder and path.endswith(".cpp") and name in PLUGIN.findall(text):
            found[path] = name
    return found


def header_problems(texts):
    """A name found is a file found: headers have names of their own, and sources have headers of their names."""
    problems, first = [], {}  # name of a header -> where it was seen first
    plugin_folders = [folder for folder in PLUGIN_FOLDERS if plugins_of(texts, folder)]
    for path, text in texts.items():
        folder, name = os.path.split(path)
        if layer(path) is None:
            continue
        if path.endswith(HEADERS):
            if first.setdefault(name, path) != path:
                problems.append(f"{path}: {first[name]} has the same file name; give each header a name of its own")
        elif (path.endswith(".cpp") and path[:-len("cpp")] + "h" not in texts and folder not in plugin_folders
              and path not in HEADERLESS and not DEVICE_HALF.fullmatch(name)
              and not (path.startswith("app/") and VERB.search(text))):
            problems.append(f"{path}: needs a header of its name beside it, which declares what it defines")
    return problems


def plugin_problems(texts, plugin_tests):
    problems = []
    for folder in PLUGIN_FOLDERS:
        plugins = plugins_of(texts, folder)
        for path in texts:
            if plugins and os.path.dirname(path) == folder and path not in plugins:
                problems.append(f"{path}: {folder} holds plug-ins only, sources that define register_<file name>(); "
                                f"put helpers into {folder}/support")
        for path, name in plugins.items():
            test = f"tests/{folder}/{name}_test.cpp"
            if plugin_tests and not re.search(r"^(TEST|TEST_F|TEST_P)\(", texts.get(test, ""), re.M):
                problems.append(f"{path}: needs its test, {test}")
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


def xtensor_rules(path, target):
    """xtensor costs seconds in each file that uses it: no header hands it on, not even one of tests."""
    if re.match(r"xtensor/|xtl/", target) and path.endswith(HEADERS):
        yield f"<{target}>: xtensor belongs in .cpp files, never in a header"


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


# A source and the header that it must have.
def with_header(path, text=""):
    return {path: (f'#include "{path[:-len("cpp")]}h"\n' + text, 0), path[:-len("cpp")] + "h": ("#pragma once\n", 0)}


# path -> (its text, the number of violations in it)
SELF_TEST = {
    # Headers of the sources below that are about includes only.
    **{f"{path}.h": ("", 0) for path in [
        "attention/bad_relative", "attention/bad_spelling", "attention/bad_missing", "attention/ops/bad_op", "models/good",
        "models/bad_module", "guidance/bad_picture", "pipeline/media/good_media", "pipeline/media/good_outer",
        "pipeline/bad_leak", "pipeline/bad_up", "pipeline/bad_test"]},
    "attention/call.h": ("#include <ATen/core/Tensor.h>\n#include <vector>\n", 0),
    "attention/bad_layer.h": ('// up the chain\n#include "models/vae.h"\n', 1),
    "attention/bad_relative.cpp": ('#include "../attention/call.h"\n#include "call.h"\n', 2),
    "attention/bad_spelling.cpp": ("#  include  <nlohmann/json.hpp>\n#include <CLI/CLI.hpp>\n", 1),
    "attention/bad_missing.cpp": ('#include "attention/absent.h"\n', 1),
    "attention/ops/good_cuda.cpp": ("#include <c10/cuda/CUDAStream.h>\n", 0),
    "attention/ops/good_kernel.h": ("#include <cuda_runtime.h>\n", 0),
    "attention/ops/bad_op.cpp": ("#include <c10/cuda/CUDAStream.h>\n", 1),
    "models/vae.h": ('#include "attention/call.h"\n', 0),
    "attention/fused_attention.h": ('#include "attention/call.h"\n', 0),
    "attention/fused_attention.cpp": ('#include "attention/fused_attention.h"\n', 0),
    "models/bad_kernel.h": ('#include "attention/fused_attention.h"\n', 1),
    "models/bad.h": ("#include <nlohmann/json.hpp>\n", 1),
    "models/good_json.h": ("#include <nlohmann/json.hpp>\n", 0),
    "models/good.cpp": ('#include "models/good_json.h"\n', 0),
    "models/outer_json.h": ('#include <nlohmann/json.hpp>\n#include "models/good_json.h"\n', 0),
    "models/bad_json.h": ("#include <nlohmann/json.hpp>\n", 1),
    "models/header.h": ('#include "models/bad_json.h"\n', 0),
    "models/bad_module.cpp": ("#include <torch/torch.h>\n#include <torch/library.h>\n", 1),
    "guidance/bad_picture.cpp": ("#include <opencv2/core.hpp>\n#include <jpeglib.h>\n", 2),
    "pipeline/media/good_media.cpp": ("#include <libavcodec/avcodec.h>\n#include <opencv2/core.hpp>\n#include <png.h>\n", 0),
    "pipeline/media/inner.h": ("#include <libavcodec/avcodec.h>\n", 0),
    "pipeline/media/outer.h": ('#include "pipeline/media/inner.h"\n', 0),
    "pipeline/media/good_outer.cpp": ('#include "pipeline/media/outer.h"\n', 0),
    "pipeline/bad_leak.cpp": ('#include "models/vae.h"\n#include "pipeline/media/outer.h"\n', 1),
    "pipeline/bad_media.h": ("#include <libavcodec/avcodec.h>\n", 1),
    "pipeline/bad_up.cpp": ('#include "app/main.h"\n', 1),
    "pipeline/bad_test.cpp": ('#include "tests/support/stub.h"\n', 2),  # and GoogleTest through it
    "app/main.h": ('#include "models/vae.h"\n', 0),
    "app/main.cpp": ("#include <CLI/CLI.hpp>\n#include <nlohmann/json.hpp>\n", 0),
    "tests/support/stub.h": ("#include <gtest/gtest.h>\n", 0),
    "tests/pipeline/media/good_test.cpp": ('#include <libavcodec/avcodec.h>\n#include "tests/support/stub.h"\n', 0),
    "tests/models/bad_test.cpp": ("#include <opencv2/core.hpp>\n", 1),
    # inner folders
    **with_header("models/unet/mid.cpp", '#include "models/files/zip.h"\n#include "models/vae.h"\n'),
    "models/unet/bad_inner.h": ('#include "models/text/words.h"\n#include "models/unet/mid.h"\n', 1),
    "models/files/zip.h": ("", 0),
    "models/files/bad_zip.h": ('#include "models/unet/mid.h"\n', 1),
    "models/text/words.h": ('#include "models/files/zip.h"\n', 0),
    "models/root_inner.h": ('#include "models/unet/mid.h"\n', 0),
    "models/new_room/no_row.h": ('#include "models/vae.h"\n', 1),
    "pipeline/graph/bad_run.h": ('#include "pipeline/run/run_sample.h"\n', 1),
    "pipeline/run/run_sample.h": ("", 0),
    "guidance/schedulers/support/knots.h": ('#include "models/unet/mid.h"\n', 0),
    # libraries of tokenizers
    **with_header("models/text/tokenizers/stages/token_pattern.cpp", "#include <pcre2.h>\n"),
    **with_header("models/text/tokenizers/sentence_piece_tokenizer.cpp", "#include <sentencepiece_processor.h>\n"),
    "models/layers/bad_pattern.cpp": ('#include "models/layers/bad_pattern.h"\n#include <pcre2.h>\n#include <sentencepiece_processor.h>\n', 2),
    "models/layers/bad_pattern.h": ("#pragma once\n", 0),
    # xtensor
    **with_header("guidance/table.cpp", "#include <xtensor/xtensor.hpp>\n"),
    **with_header("pipeline/evaluation/sums.cpp", "#include <xtensor/xmath.hpp>\n"),
    "pipeline/bad_sums.h": ("", 0),
    "pipeline/bad_sums.cpp": ('#include "pipeline/bad_sums.h"\n#include <xtensor/xmath.hpp>\n', 1),
    "guidance/bad_table.h": ("#include <xtensor/xtensor.hpp>\n", 1),
    "tests/attention/oracle.cpp": ("#include <xtensor/xtensor.hpp>\n#include <xtl/xsequence.hpp>\n", 0),
    "tests/attention/bad_oracle.h": ("#include <xtensor/xtensor.hpp>\n", 1),
    # libraries of CUDA
    "models/ops/wide_cuda.cpp": ("#include <cublasLt.h>\n#include <torch/csrc/distributed/c10d/Work.hpp>\n", 0),
    "models/bad_wide.h": ("#include <cudnn.h>\n#include <nccl.h>\n#include <cublas_v2.h>\n", 3),
    "models/bad_group.h": ("#include <torch/csrc/distributed/c10d/Work.hpp>\n", 1),
    # headers
    "attention/plugin/bad_twice.h": ("", 1),
    "models/layers/bad_twice.h": ("", 0),
    "models/layers/bad_lonely.cpp": ("int lonely() { return 1; }\n", 1),
    "pipeline/media/no_media.cpp": ("", 0),
    "models/ops/sum_cpu.cpp": ("", 0),
    "app/verb.cpp": ("void add_sample_verb(CLI::App& app) {}\n", 0),
    "app/bad_helper.cpp": ("namespace {\n  void add_sample_verb() {}\n}\n", 1),
    "pipeline/bad_verb.cpp": ("void add_sample_verb() {}\n", 1),
    # plug-ins
    "attention/edits/fade.cpp": ("void register_fade(EditRegistry& registry) {}\n", 0),
    "attention/edits/bad_other.cpp": ("void register_another(EditRegistry& registry) {}\n", 1),
    "attention/edits/bad_shared.h": ("", 1),
    **with_header("attention/edits/support/shared.cpp"),
    "models/families/net.cpp": ("void register_net(FamilyRegistry& registry) {}\n", 0),
    "models/pipelines/whole.cpp": ('#include "models/pipelines/support/layout.h"\n'
                                   "void register_whole(PipelineRegistry& registry) {}\n", 0),
    "models/pipelines/bad_layout.h": ('#include "models/families/support/net_parts.h"\n', 2),
    "models/families/support/net_parts.h": ("", 0),
    "models/pipelines/support/layout.h": ('#include "models/vae.h"\n', 0),
    **with_header("guidance/guiders/no_plugins_yet.cpp"),
    "tests/attention/edits/fade_test.cpp": ("TEST(Fade, Fades) {}\n", 0),
    "models/families/tower.cpp": ("void register_tower(FamilyRegistry& registry) {}\n", 0),
    "tests/models/families/tower_test.cpp": ("// none yet\n", 0),
    # folders
    "models/full": (None, 1),
    "models/text": (None, 0),
    **{f"models/full/part_{i}.md": ("", 0) for i in range(MOST_FILES + 1)},
    **{f"models/text/part_{i}.md": ("", 0) for i in range(MOST_FILES - 1)},
}
# Violations that only --plugin-tests finds.
PLUGIN_TESTS_SELF_TEST = {"attention/edits/fade.cpp": 0, "models/families/net.cpp": 1, "models/families/tower.cpp": 1,
                          "models/pipelines/whole.cpp": 1}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, (text, _) in SELF_TEST.items():
            if text is None:
                continue
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        wrong = []
        plain = {path: expected for path, (_, expected) in SELF_TEST.items()}
        for plugin_tests, samples in (False, plain), (True, PLUGIN_TESTS_SELF_TEST):
            problems = check(root, plugin_tests)
            for path, expected in samples.items():
                found = [problem for problem in problems if problem.startswith(path + ":")]
                if len(found) != expected:
                    wrong.append(f"{path}: expected {expected} violations, found {len(found)}: {found}")
        return wrong


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        problems, subject = self_test(), "the layering check itself"
    else:
        plugin_tests = "--plugin-tests" in arguments
        roots = [argument for argument in arguments if argument != "--plugin-tests"]
        root = roots[0] if roots else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        problems, subject = check(root, plugin_tests), "the layout"
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems with {subject}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
