#!/usr/bin/env bash
# The checks that need no build: layout of the code, layering, file sizes, scripts, CUDA kernels.
#
#   bash scripts/lint.sh
#
# Installs nothing. A check whose tool is absent says so and is left out; everything else must pass.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LINES_WARN=300 LINES_FAIL=600          # of a source file
FILE_FAIL=$((15 << 20))                # bytes of any file: what the usual hosts take without complaint
ASSETS_FAIL=$((200 << 20))             # bytes of assets/ in all
FORMATTED_WITH=14                      # major version of clang-format; others lay out some lines differently

failed=()
heading() { printf -- '-- %s\n' "$*"; }
left_out() { printf '   left out: %s\n' "$*"; }

# Every file that belongs to the project, untracked ones included, one a line.
all_files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
      if [[ -f $file ]]; then printf '%s\n' "$file"; fi
    done
  else
    find . -type f -not -path './.*/*' -not -path './build/*' -not -path '*/__pycache__/*' | sed 's|^\./||'
  fi
}
mapfile -t files < <(all_files | LC_ALL=C sort)
matching() { printf '%s\n' "${files[@]}" | grep -E "$1" || true; }

check_format() {
  local tool sources
  for tool in "clang-format-$FORMATTED_WITH" clang-format ""; do
    if [[ -n $tool ]] && command -v "$tool" >/dev/null; then break; fi
  done
  if [[ -z $tool ]]; then
    left_out "clang-format is not installed (apt-get install clang-format-$FORMATTED_WITH)"
    return 0
  fi
  mapfile -t sources < <(matching '\.(h|cpp|cu|cuh)$')
  local version
  version=$("$tool" --version | sed -E 's/.*version ([0-9]+).*/\1/')
  if ((version != FORMATTED_WITH)); then
    left_out "$tool is version $version, and the code is laid out by version $FORMATTED_WITH"
    return 0
  fi
  local file bad=()
  for file in "${sources[@]}"; do
    "$tool" --dry-run -Werror "$file" 2>/dev/null || bad+=("$file")
  done
  if ((${#bad[@]} > 0)); then
    printf '   %s\n' "${bad[@]}"
    echo "   repair with: $tool -i ${bad[*]}"
    return 1
  fi
}

check_layering() {
  python3 .ci/check_layering.py --self-test && python3 .ci/check_layering.py --plugin-tests
}

check_sizes() {
  local file lines bytes assets=0 status=0
  while read -r lines file; do
    if ((lines > LINES_FAIL)); then
      echo "   $file: $lines lines; split it by concept (at most $LINES_FAIL)"
      status=1
    elif ((lines > LINES_WARN)); then
      echo "   warning: $file: $lines lines (aim at 120, explain above $LINES_WARN)"
    fi
  done < <(matching '(\.(h|cpp|cu|cuh|py|sh|cmake)|CMakeLists\.txt)$' | tr '\n' '\0' | xargs -0 wc -l | grep -v ' total$')
  while IFS=$'\t' read -r bytes file; do
    if ((bytes > FILE_FAIL)); then
      echo "   $file: $bytes bytes; no file may be larger than $FILE_FAIL"
      status=1
    fi
    if [[ $file == assets/* ]]; then assets=$((assets + bytes)); fi
  done < <(printf '%s\0' "${files[@]}" | xargs -0 stat -c $'%s\t%n')
  if ((assets > ASSETS_FAIL)); then
    echo "   assets/: $assets bytes in all; at most $ASSETS_FAIL"
    status=1
  fi
  return "$status"
}

check_scripts() {
  local file scripts status=0
  mapfile -t scripts < <(matching '\.sh$|^\.ci/run$')
  for file in "${scripts[@]}"; do bash -n "$file" || status=1; done
  if command -v shellcheck >/dev/null; then
    shellcheck -x -S warning "${scripts[@]}" || status=1
  fi
  mapfile -t scripts < <(matching '\.py$')
  for file in "${scripts[@]}"; do
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], "rb").read(), sys.argv[1])' "$file" || status=1
  done
  return "$status"
}

# Raw kernels include no LibTorch header, so nvcc alone compiles them; no GPU is needed. A kernel that was compiled
# with the same headers before is left out: each takes a minute.
check_kernels() {
  local kernels headers work file key job jobs=() status=0 known=.reel/lint-kernels
  mapfile -t kernels < <(matching '/ops/.*\.cu$')
  if ((${#kernels[@]} == 0)); then return 0; fi
  if ! command -v nvcc >/dev/null; then
    left_out "nvcc is not installed"
    return 0
  fi
  mapfile -t headers < <(matching '/ops/.*(\.cuh|_kernel\.h|kernel_type\.h|_arguments\.h)$')
  work=$(mktemp -d)
  mkdir -p "$known"
  for file in "${kernels[@]}"; do  # all at once
    key=$(cat "$file" "${headers[@]}" | sha256sum | cut -c1-32)
    if [[ -e $known/$key ]]; then continue; fi
    (nvcc -arch=sm_90a -O3 -std=c++17 -I. -c "$file" -o "$work/${file//\//_}.o" && : >"$known/$key") &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || status=1; done
  rm -rf "$work"
  return "$status"
}

# The glue between kernels and LibTorch is type-checked against the headers of a CPU LibTorch: it lacks but one
# header, which says how the CUDA half was built.
check_kernel_glue() {
  local glue torch cuda work file status=0
  mapfile -t glue < <(matching '/ops/.*_cuda\.cpp$')
  if ((${#glue[@]} == 0)); then return 0; fi
  torch=$(bash -c '. scripts/setup.sh; find_torch; echo "${REEL_TORCH_DIR%/share/cmake/Torch}"')
  # nvcc itself knows best where its toolkit lies.
  cuda=$(nvcc --dryrun -E -x cu /dev/null 2>&1 | sed -n 's/^#\$ TOP=//p' || true)
  cuda=${cuda:-${CUDA_HOME:-/usr/local/cuda}}
  if [[ ! -d $torch/include || ! -f $cuda/include/cuda_runtime.h ]]; then
    left_out "needs LibTorch (scripts/setup.sh) and the CUDA headers"
    return 0
  fi
  work=$(mktemp -d)
  mkdir -p "$work/c10/cuda/impl"
  printf '#pragma once\n#define C10_CUDA_BUILD_SHARED_LIBS\n' >"$work/c10/cuda/impl/cuda_cmake_macros.h"
  for file in "${glue[@]}"; do
    "${CXX:-c++}" -std=c++20 -fsyntax-only -I. -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include" \
      -isystem "$cuda/include" -isystem "$work" "$file" || status=1
  done
  rm -rf "$work"
  return "$status"
}

for check in format layering sizes scripts kernels kernel_glue; do
  heading "$check"
  "check_$check" || failed+=("$check")
done
if ((${#failed[@]} > 0)); then
  printf 'lint failed: %s\n' "${failed[*]}"
  exit 1
fi
echo "lint passed"
