#!/usr/bin/env bash
# Finds what building reel needs and installs what is missing. Idempotent; works from any folder.
#
#   bash scripts/setup.sh [build] [test] [lint]      (default: build)
#
# Debian and Ubuntu packages come by apt-get (root or sudo); LibTorch comes from the Python wheel, in .reel/venv,
# unless Torch_DIR is set or the installed python3 has a torch that fits. demo.sh and test.sh source this file.
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

TORCH_VERSION=2.13.0  # what is installed
TORCH_OLDEST=2.11     # what is accepted when it is there already
TORCH_COMPLETE=$REEL_STATE/venv/torch-complete

# PACKAGE, or PACKAGE:COMMAND where any installation of the command will do.
PACKAGES_BUILD=(
  g++:c++ cmake:cmake ninja-build:ninja pkg-config:pkg-config python3:python3
  libopencv-dev libavcodec-dev libavformat-dev libavutil-dev libswscale-dev
  libjpeg-dev libpng-dev libtiff-dev libwebp-dev
  nlohmann-json3-dev libxtensor-dev libcli11-dev libtomlplusplus-dev libsqlite3-dev libpcre2-dev libsentencepiece-dev
)
PACKAGES_TEST=(libgtest-dev libgmock-dev ffmpeg:ffprobe)
# Useful but not needed; left out where the distribution has none.
OPTIONAL_BUILD=(ccache:ccache mold:mold)
OPTIONAL_LINT=(clang-format-14:clang-format-14)

# missing_of ENTRY...: the packages among them that are not installed.
missing_of() {
  local entry names=()
  for entry in "$@"; do
    if [[ $entry == *:* ]]; then
      command -v "${entry#*:}" >/dev/null || echo "${entry%%:*}"
    else
      names+=("$entry")
    fi
  done
  if ((${#names[@]} == 0)) || ! command -v dpkg-query >/dev/null; then return 0; fi
  local installed
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${names[@]}" 2>/dev/null || true)"
  for entry in "${names[@]}"; do
    [[ $installed == *" installed:$entry "* ]] || echo "$entry"
  done
}

# The system's default compiler may be too old while a newer one is at hand (Ubuntu 22.04).
choose_compiler() {
  local version
  REEL_CXX=""
  if [[ -n ${CXX:-} ]] || ! command -v c++ >/dev/null; then return 0; fi
  if c++ --version 2>/dev/null | grep -qi clang; then return 0; fi
  version=$(c++ -dumpversion)
  if ((${version%%.*} < 12)); then
    REEL_CXX=g++-12
    PACKAGES_BUILD+=(g++-12:g++-12)
  fi
}

apt_install() { # apt_install PREFIX PACKAGE...
  local prefix=$1 apt
  shift
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q -y)
  if [[ -n $prefix ]]; then apt=("$prefix" "${apt[@]}"); fi
  if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null &&
    "${apt[@]}" install --no-install-recommends "$@"; then
    return 0
  fi
  # No package lists, or ones that have grown old.
  "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"
}

known_to_apt() { apt-cache show "$1" >/dev/null 2>&1; }

# find_packages MODE...: sets MISSING (needed) and EXTRA (useful), the packages that are not installed.
find_packages() {
  local wanted=("${PACKAGES_BUILD[@]}") optional=("${OPTIONAL_BUILD[@]}")
  [[ " $* " == *" test "* ]] && wanted+=("${PACKAGES_TEST[@]}")
  [[ " $* " == *" lint "* ]] && optional+=("${OPTIONAL_LINT[@]}")
  if [[ -z $REEL_TORCH_DIR && $PYTHON_NEEDS_VENV == 1 ]]; then wanted+=(python3-venv); fi
  mapfile -t MISSING < <(missing_of "${wanted[@]}")
  mapfile -t EXTRA < <(missing_of "${optional[@]}")
}

# Installs MISSING, and what it can of EXTRA.
install_packages() {
  local missing=("${MISSING[@]}") extra=("${EXTRA[@]}") package
  if ((${#missing[@]} + ${#extra[@]} == 0)); then return 0; fi

  if ! command -v apt-get >/dev/null; then
    if ((${#missing[@]} == 0)); then return 0; fi
    fail "these are missing, and there is no apt-get to install them: ${missing[*]}" \
      "Install them with this system's package manager (names above are Debian's) and run this again."
  fi
  local sudo="" command
  if [[ $(id -u) != 0 ]] && command -v sudo >/dev/null; then sudo="sudo "; fi
  command="${sudo}apt-get update && ${sudo}apt-get install --no-install-recommends ${missing[*]}"
  local prefix=""
  if [[ $(id -u) != 0 ]]; then
    if ((${#missing[@]} == 0)); then return 0; fi  # what is only useful is not worth a password
    if ! command -v sudo >/dev/null; then
      fail "packages are missing, and this user may not install any (neither root nor sudo): ${missing[*]}" \
        "Let an administrator run:" "  $command" "and then run this again."
    fi
    if ! sudo -n true 2>/dev/null; then
      say "installing packages needs your password for sudo: ${missing[*]}"
      if ! { [[ -r /dev/tty ]] && sudo -v; }; then
        fail "packages are missing, and sudo refused to install them: ${missing[*]}" \
          "Run:" "  $command" "and then run this again."
      fi
    fi
    prefix=sudo
  fi
  # Optional ones are asked for by name only if they exist, since one unknown name makes apt-get refuse all.
  local ask=("${missing[@]}")
  for package in "${extra[@]}"; do
    if known_to_apt "$package"; then ask+=("$package"); fi
  done
  if ((${#ask[@]} == 0)); then return 0; fi
  if ! step "installing packages: ${ask[*]}" "$APT_SECONDS" apt apt_install "$prefix" "${ask[@]}"; then
    if ((${#missing[@]} == 0)); then return 0; fi
    show_log apt
    fail "apt-get could not install: ${missing[*]}" "Without network? Otherwise try it by hand:" "  $command"
  fi
  hash -r
}

# torch_of PYTHON: prints "folder version cuda" of its torch package, read without importing it.
torch_of() {
  "$1" - 2>/dev/null <<'PY'
import importlib.util, os
spec = importlib.util.find_spec("torch")
folder = list(spec.submodule_search_locations)[0]
about = {}
exec(open(os.path.join(folder, "version.py")).read(), about)
assert os.path.isfile(os.path.join(folder, "share/cmake/Torch/TorchConfig.cmake"))
print(folder, about["__version__"], about.get("cuda"))
PY
}

at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; } # at_least OLDEST VERSION

# use_torch FOLDER VERSION CUDA: sets REEL_TORCH_DIR.
use_torch() {
  local folder=$1 cuda=$3
  REEL_TORCH_DIR=$folder/share/cmake/Torch
  if [[ $cuda == None ]] || command -v nvcc >/dev/null; then return 0; fi
  # This LibTorch was built with CUDA, and its own configuration file insists on a CUDA toolkit. The CPU half
  # needs none: describe just that.
  REEL_TORCH_DIR=$REEL_STATE/torch-cpu
  mkdir -p "$REEL_TORCH_DIR"
  cat >"$REEL_TORCH_DIR/TorchConfig.cmake.new" <<CMAKE
# Written by scripts/setup.sh: the CPU half of the LibTorch in $folder.
set(TORCH_INCLUDE_DIRS "$folder/include" "$folder/include/torch/csrc/api/include")
foreach(name c10 torch_cpu)
  if(NOT TARGET \${name})
    add_library(\${name} SHARED IMPORTED)
    set_target_properties(\${name} PROPERTIES IMPORTED_LOCATION "$folder/lib/lib\${name}.so"
                          INTERFACE_INCLUDE_DIRECTORIES "\${TORCH_INCLUDE_DIRS}")
  endif()
endforeach()
set(TORCH_LIBRARIES torch_cpu c10)
set(Torch_FOUND TRUE)
CMAKE
  if cmp -s "$REEL_TORCH_DIR/TorchConfig.cmake.new" "$REEL_TORCH_DIR/TorchConfig.cmake"; then
    rm "$REEL_TORCH_DIR/TorchConfig.cmake.new"
  else
    mv "$REEL_TORCH_DIR/TorchConfig.cmake.new" "$REEL_TORCH_DIR/TorchConfig.cmake"
  fi
}

# find_torch: sets REEL_TORCH_DIR if there is a LibTorch already.
find_torch() {
  local facts python
  REEL_TORCH_DIR=""
  if [[ -n ${Torch_DIR:-} ]]; then
    [[ -f $Torch_DIR/TorchConfig.cmake ]] ||
      fail "Torch_DIR must be a folder with TorchConfig.cmake, got '$Torch_DIR'" \
        "It is <libtorch>/share/cmake/Torch; without Torch_DIR a private LibTorch is installed."
    REEL_TORCH_DIR=$(cd "$Torch_DIR" && pwd -P)
    return 0
  fi
  for python in "$REEL_STATE/venv/bin/python" python3; do
    # An installation that was interrupted does not count.
    if [[ $python == "$REEL_STATE"/* && ! -f $TORCH_COMPLETE ]]; then continue; fi
    facts=$(torch_of "$python") || continue
    # shellcheck disable=SC2086 # three words
    set -- $facts
    at_least "$TORCH_OLDEST" "${2%%+*}" || continue
    use_torch "$@"
    return 0
  done
}

# A python3 that can make private environments: the one on the path, else the system's.
choose_python() {
  local python
  PYTHON_NEEDS_VENV=0
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10)' 2>/dev/null; then
      PYTHON=$python
      return 0
    fi
  done
  PYTHON=/usr/bin/python3
  if command -v virtualenv >/dev/null; then return 0; fi
  PYTHON_NEEDS_VENV=1
}

pip_install_torch() {
  local pip=("$REEL_STATE/venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off)
  if ! [[ -x $REEL_STATE/venv/bin/python ]] || ! "$REEL_STATE/venv/bin/python" -m pip --version; then
    rm -rf "$REEL_STATE/venv"
    "$PYTHON" -m venv "$REEL_STATE/venv" || { rm -rf "$REEL_STATE/venv" && virtualenv -p python3 "$REEL_STATE/venv"; } ||
      return 1
  fi
  # Only the libraries and headers inside the wheel are used, not its Python side. A CUDA build cannot be loaded
  # without some of the companions it asks for: for its CPU half alone, two small ones do instead of gigabytes.
  "${pip[@]}" --no-deps "torch==$TORCH_VERSION" || return 1
  local facts two
  facts=$(torch_of "$REEL_STATE/venv/bin/python") || return 1
  if [[ $facts != *" None" ]]; then
    two=$("$REEL_STATE/venv/bin/python" -c 'import importlib.metadata, re
asked = " ".join(importlib.metadata.requires("torch"))
print("cuda-toolkit[cudart,cupti]==" + re.search(r"cuda-toolkit\[[^]]*\]==([\d.]+)", asked).group(1))' || true)
    if command -v nvcc >/dev/null || [[ -z $two ]] || ! "${pip[@]}" "$two" || ! loads "${facts%% *}"; then
      "${pip[@]}" "torch==$TORCH_VERSION" || return 1
    fi
  fi
  touch "$TORCH_COMPLETE"
}

# loads FOLDER: whether all libraries that the CPU half of that torch needs are there.
loads() { ! ldd "$1/lib/libtorch_cpu.so" | grep 'not found'; }

install_torch() {
  if ! step "installing LibTorch $TORCH_VERSION in .reel/venv" "$TORCH_SECONDS" torch pip_install_torch; then
    show_log torch 12
    fail "LibTorch could not be installed with: pip install torch==$TORCH_VERSION" \
      "It needs network and about 2 GB of disk (more where pip chooses a CUDA build)." \
      "If you have a LibTorch ($TORCH_OLDEST or newer), name it:" \
      "  Torch_DIR=/path/to/libtorch/share/cmake/Torch bash scripts/test.sh"
  fi
  find_torch
  [[ -n $REEL_TORCH_DIR ]] || fail "the installed torch has no CMake files; see $REEL_STATE/logs/torch.log"
}

# reel_setup MODE...: everything above, in order; afterwards REEL_TORCH_DIR is set. If REEL_BUILD is set, the
# announced time counts the build as well.
reel_setup() {
  reel_begin
  choose_compiler
  choose_python
  find_torch
  find_packages "$@"
  APT_SECONDS=$((10 + 3 * ${#MISSING[@]})) TORCH_SECONDS=40
  if ((${#MISSING[@]} > 0)); then REEL_LEFT=$((REEL_LEFT + APT_SECONDS)); fi
  if [[ -z $REEL_TORCH_DIR ]]; then REEL_LEFT=$((REEL_LEFT + TORCH_SECONDS)); fi
  if [[ -n ${REEL_BUILD:-} && ! -f $REEL_BUILD/build.ninja ]]; then
    REEL_LEFT=$((REEL_LEFT + $(guess_build_seconds "$@")))
  fi
  if ((REEL_LEFT > 0)); then say "to do the first time: about $(duration $REEL_LEFT)"; fi
  install_packages
  if [[ -z $REEL_TORCH_DIR ]]; then
    choose_python
    install_torch
  fi
  export CXX=${CXX:-${REEL_CXX:-}}
  if [[ -z $CXX ]]; then unset CXX; fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  for mode in "$@"; do
    case $mode in
      build | test | lint) ;;
      *) printf 'usage: bash scripts/setup.sh [build] [test] [lint]\n' >&2 && exit 2 ;;
    esac
  done
  reel_setup "${@:-build}"
  say "ready; LibTorch is described by $REEL_TORCH_DIR"
fi
