#!/usr/bin/env bash
# Follows the pages in docs/howto/ to the letter: writes the files that they show into one copy of the tree, builds the
# copy once, runs the tests that each page says to run (its line `bash scripts/test.sh -R REGEX`), and asks the program
# for each thing that a page adds (lines `build/cpu-release/app/reel edits|nodes|schedulers NAME`).
#
#   bash scripts/check_howto.sh [docs/howto/PAGE.md ...]
#
# A code block that is a file carries its path after the language: ```cpp attention/edits/soften.cpp
#
# The copy stays in .reel/howto, so that the next run builds only what changed. Of the tests it has only those that the
# pages add or name. What the checkout itself has built comes from ccache, if there is one.
# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

pages=("$@")
if ((${#pages[@]} == 0)); then pages=("$REEL_ROOT"/docs/howto/*.md); fi
for page in "${pages[@]}"; do [[ -f $page ]] || fail "no such page: $page"; done
mapfile -t pages < <(realpath "${pages[@]}")

source_root=$REEL_ROOT
copy=$REEL_STATE/howto
reel_setup test

# Brings the copy up to date; unchanged files keep their times. Prints what is to be done, one a line: "file PATH" of
# each file that a page shows, "build TARGET", "test REGEX" and "run ARGUMENTS" of the program.
follow_pages() {
  python3 - "$source_root" "$copy" "${pages[@]}" <<'PY'
import os, re, shlex, sys
source, copy, pages = sys.argv[1], sys.argv[2], sys.argv[3:]
TOPS = ["CMakeLists.txt", "CMakePresets.json", ".clang-format", "app", "pipeline", "guidance", "models", "attention",
        "benchmarks", "cmake", "tests", "assets/graphs", "assets/world"]

def read(path):
    with open(path, "rb") as file:
        return file.read()

def suites(text):
    return set(re.findall(r"^TEST(?:_[FP])?\((\w+),", text.decode(), re.M))

shown, todo, patterns = {}, [], []  # shown: path -> content
for page in pages:
    name, text = os.path.basename(page), read(page).decode()
    files = {path: body.encode() for path, body in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, re.M | re.S)}
    for path in files:
        if os.path.exists(os.path.join(source, path)) or path in shown:
            sys.exit(f"{name} shows {path}, which exists already")
    shown.update(files)
    tests = [path for path in files if re.fullmatch(r"tests/.*_test\.cpp", path)]
    if len(tests) != 1:
        sys.exit(f"{name} must show exactly one test, and shows {len(tests)}")
    lines = [line for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines
                if line.startswith(("bash scripts/test.sh ", "build/cpu-release/app/reel "))]
    pattern = [c[3] for c in commands if c[:3] == ["bash", "scripts/test.sh", "-R"]]
    if len(pattern) != 1:
        sys.exit(f"{name} must say once `bash scripts/test.sh -R REGEX`")
    missed = [suite for suite in suites(files[tests[0]]) if not re.search(pattern[0], suite)]
    if missed:
        sys.exit(f"{name} adds {missed[0]}, which its `-R {pattern[0]}` does not run")
    patterns += pattern
    todo += [f"file {path}" for path in files]
    todo += ["run " + shlex.join(c[1:]) for c in commands if c[1] in ("edits", "nodes", "schedulers") and len(c) == 3]
todo.append("test " + "|".join(patterns))

wanted = dict(shown)
for top in TOPS:
    path = os.path.join(source, top)
    for found in [path] if os.path.isfile(path) else [os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]:
        relative, content = os.path.relpath(found, source), read(found)
        if re.fullmatch(r"tests/.*_test\.cpp", relative) and not any(
                re.search(pattern, suite) for pattern in patterns for suite in suites(content)):
            continue
        wanted[relative] = content
for folder, folders, files in os.walk(copy):
    if folder == copy:
        folders[:] = [f for f in folders if f != "build"]
    for name in files:
        path = os.path.join(folder, name)
        if os.path.relpath(path, copy) not in wanted:
            os.remove(path)
for relative, content in wanted.items():
    path = os.path.join(copy, relative)
    if not os.path.exists(path) or read(path) != content:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
os.makedirs(os.path.join(copy, "assets/checkpoints"), exist_ok=True)
programs = {path.split("/")[1] + "_tests" for path in wanted if re.fullmatch(r"tests/\w+/.*_test\.cpp", path)}
todo += [f"build {program}" for program in sorted(programs)]
print("\n".join(todo))
PY
}

mkdir -p "$copy"
started=$SECONDS
todo=$(follow_pages) || fail "a page cannot be followed" "The line above says which."
of_kind() { sed -n "s/^$1 //p" <<<"$todo"; }
mapfile -t files < <(of_kind file)
mapfile -t targets < <(of_kind build)
mapfile -t runs < <(of_kind run)
if ((${#runs[@]} > 0)); then targets+=(app/reel); fi

say "following ${#pages[@]} pages in $copy"
python3 "$source_root/.ci/check_layering.py" "$copy" || fail "the pages' files break the layout"
for file in "${files[@]}"; do
  if [[ $file == *_kernel.cu ]] && command -v nvcc >/dev/null; then
    nvcc -arch=sm_90a -O3 -std=c++17 -I"$copy" -c "$copy/$file" -o /dev/null || fail "$file does not compile"
  fi
  if command -v clang-format-14 >/dev/null; then
    (cd "$copy" && clang-format-14 --dry-run -Werror "$file") || fail "$file is not laid out by clang-format"
  fi
done

REEL_ROOT=$copy
export REEL_BUILD_DIR=$copy/build/cpu-release
reel_configure cpu-release ON
reel_compile "${targets[@]}"
reel_unlock
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} ctest --test-dir "$REEL_BUILD" --output-on-failure --no-tests=error \
  -j "$(reel_jobs)" -R "$(of_kind test)" </dev/null || fail "the pages' tests fail"
for arguments in "${runs[@]}"; do
  # shellcheck disable=SC2086 # words
  "$REEL_BUILD/app/reel" $arguments || fail "reel $arguments fails"
done
say "all ${#pages[@]} pages work ($(duration $((SECONDS - started))))"
