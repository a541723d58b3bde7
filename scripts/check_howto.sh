#!/usr/bin/env bash
# Follows the pages in docs/howto/ to the letter: in a copy of the tree, writes the files that a page shows, builds
# the tests of their folder and runs those that the page adds. Slow the first time (a whole build).
#
#   bash scripts/check_howto.sh [docs/howto/PAGE.md ...]
#
# A code block that is a file carries its path after the language: ```cpp attention/edits/soften.cpp
# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

pages=("$@")
if ((${#pages[@]} == 0)); then pages=("$REEL_ROOT"/docs/howto/*.md); fi
for page in "${pages[@]}"; do [[ -f $page ]] || fail "no such page: $page"; done
mapfile -t pages < <(realpath "${pages[@]}")

source_root=$REEL_ROOT
copy=$REEL_STATE/howto
reel_setup test

# Brings the copy up to date; unchanged files keep their times, so only what changed is built again.
sync_copy() {
  python3 - "$source_root" "$copy" <<'PY'
import filecmp, os, shutil, sys
source, copy = sys.argv[1:]
tops = ["CMakeLists.txt", "CMakePresets.json", ".clang-format", "app", "pipeline", "guidance", "models", "attention",
        "benchmarks", "cmake", "tests", "assets/graphs", "assets/world"]
wanted = set()
for top in tops:
    path = os.path.join(source, top)
    found = [path] if os.path.isfile(path) else [os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]
    wanted.update(os.path.relpath(f, source) for f in found)
for folder, folders, files in os.walk(copy):
    if folder == copy:
        folders[:] = [f for f in folders if f != "build"]
    for name in files:
        path = os.path.join(folder, name)
        if os.path.relpath(path, copy) not in wanted:
            os.remove(path)
for path in sorted(wanted):
    target = os.path.join(copy, path)
    if not os.path.exists(target) or not filecmp.cmp(os.path.join(source, path), target, shallow=False):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(source, path), target)
os.makedirs(os.path.join(copy, "assets/checkpoints"), exist_ok=True)
PY
}

# write_files PAGE: writes the files of a page into the copy and prints their paths.
write_files() {
  python3 - "$1" "$copy" <<'PY'
import os, re, sys
page, copy = sys.argv[1:]
for path, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", open(page, encoding="utf-8").read(), re.M | re.S):
    target = os.path.join(copy, path)
    if os.path.exists(target):
        sys.exit(f"{page} shows {path}, which exists already")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    print(path)
PY
}

failed=()
check_page() { # in a subshell: one page's failure does not stop the others
  local page=$1 files tests suites file folder
  sync_copy
  mapfile -t files < <(write_files "$page")
  mapfile -t tests < <(printf '%s\n' "${files[@]}" | grep '^tests/.*_test\.cpp$' || true)
  ((${#tests[@]} == 1)) || fail "$page must show exactly one test, and shows ${#tests[@]}"
  if command -v clang-format-14 >/dev/null; then
    for file in "${files[@]}"; do
      (cd "$copy" && clang-format-14 --dry-run -Werror "$file") || fail "$page: $file is not laid out by clang-format"
    done
  fi
  folder=$(cut -d / -f 2 <<<"${tests[0]}")
  suites=$(sed -nE 's/^TEST(_[FP])?\((\w+),.*/*\2.*/p' "$copy/${tests[0]}" | sort -u | paste -sd :)
  REEL_ROOT=$copy reel_configure cpu-release ON
  reel_compile "${folder}_tests"
  "$REEL_BUILD/tests/${folder}_tests" --gtest_filter="$suites" --gtest_brief=1
  say "$(basename "$page"): ${files[*]}"
}

export REEL_BUILD_DIR=$copy/build/cpu-release
mkdir -p "$copy"
for page in "${pages[@]}"; do
  say "following $(basename "$page")"
  # Not `check_page || ...`: that would switch off `set -e` inside it.
  set +e
  (set -e; check_page "$page")
  status=$?
  set -e
  if ((status != 0)); then failed+=("$(basename "$page")"); fi
done
sync_copy
if ((${#failed[@]} > 0)); then fail "pages that do not work: ${failed[*]}"; fi
say "all ${#pages[@]} pages work"
