# Shared by the scripts beside it: messages with times, the lock, configuring and building. Sourced, never run.
# shellcheck shell=bash
#
# Environment, all optional:
#   REEL_BUILD_DIR               build folder (default: build/<preset> in the checkout)
#   REEL_JOBS                    compiler and test processes at once; else CMAKE_BUILD_PARALLEL_LEVEL, else by cores
#   Torch_DIR                    folder of a TorchConfig.cmake to use in place of a private LibTorch
set -euo pipefail

REEL_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
REEL_STATE=$REEL_ROOT/.reel  # everything the scripts keep: the private LibTorch, logs, the lock
REEL_LEFT=0                  # seconds that the announced steps still need, roughly

say() { printf 'reel: %s\n' "$*" >&2; }

# fail TEXT...: ends with status 4 (environment), as the program itself does.
fail() {
  printf 'reel: error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 4
}

# 75 -> "75 s"; 400 -> "7 min"
duration() { if (($1 < 100)); then echo "$1 s"; else echo "$((($1 + 30) / 60)) min"; fi; }

reel_jobs() {
  local jobs=${REEL_JOBS:-${CMAKE_BUILD_PARALLEL_LEVEL:-}}
  if [[ -z $jobs ]]; then
    # A compilation takes up to 1.5 GB.
    local by_memory
    by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo 2>/dev/null || echo 0)
    jobs=$(nproc 2>/dev/null || echo 2)
    if ((by_memory > 0 && by_memory < jobs)); then jobs=$by_memory; fi
  fi
  [[ $jobs =~ ^[1-9][0-9]*$ ]] || fail "REEL_JOBS must be a positive number, got '$jobs'"
  echo "$jobs"
}

# step WHAT SECONDS LOG COMMAND...: runs the command with its output in .reel/logs/LOG.log and says how long it
# takes. Returns the command's status; the caller explains failures.
step() {
  local what=$1 estimate=$2 log=$REEL_STATE/logs/$3.log start=$SECONDS status=0
  shift 3
  mkdir -p "${log%/*}"
  say "$what (about $(duration "$estimate"))"
  (
    while sleep 15; do
      over=$((estimate - SECONDS + start))
      if ((over > 0)); then say "  still at it, about $(duration $over) left of this step"; else say "  still at it"; fi
    done
  ) 9>&- &
  local beat=$!
  "$@" >"$log" 2>&1 </dev/null 9>&- || status=$?
  kill "$beat" 2>/dev/null || true
  wait "$beat" 2>/dev/null || true
  REEL_LEFT=$((REEL_LEFT > estimate ? REEL_LEFT - estimate : 0))
  if ((status == 0)); then
    local left=""
    if ((REEL_LEFT > 0)); then left="; about $(duration $REEL_LEFT) left"; fi
    say "  done in $(duration $((SECONDS - start)))$left"
  fi
  return "$status"
}

# The end of a step's log, for the message after a failure.
show_log() {
  say "the end of $REEL_STATE/logs/$1.log:"
  tail -n "${2:-25}" "$REEL_STATE/logs/$1.log" | sed 's/^/  | /' >&2
}

# Makes .reel/, waits for another script of this checkout, and sees to it that files written by root belong to the
# checkout's owner in the end (`sudo bash scripts/demo.sh`, containers with a mounted checkout).
reel_begin() {
  mkdir -p "$REEL_STATE/logs" 2>/dev/null ||
    fail "cannot write to $REEL_ROOT" "The scripts keep LibTorch and the build there. Clone the repository to a folder of yours."
  local owner
  owner=$(stat -c %u:%g "$REEL_ROOT")
  if [[ $(id -u) == 0 && $owner != 0:* ]]; then
    # The caches of the compiler and of pip would otherwise end up in the owner's home folder, as root's.
    export CCACHE_DIR=${CCACHE_DIR:-$REEL_STATE/ccache} PIP_NO_CACHE_DIR=1
    # shellcheck disable=SC2064 # expanded now on purpose
    trap "chown -R '$owner' '$REEL_STATE' '$REEL_ROOT/build' \${REEL_OWNED:+\"\$REEL_OWNED\"} 2>/dev/null || true" EXIT
  fi
  if command -v flock >/dev/null; then
    exec 9>"$REEL_STATE/lock"
    if ! flock -n 9; then
      say "another script is setting up or building in this checkout; waiting for it"
      flock 9
    fi
  fi
}

# Set-up and build are over: others may go on.
reel_unlock() { { exec 9>&-; } 2>/dev/null || true; }

# Sets REEL_BUILD for a preset.
reel_build_folder() {
  REEL_BUILD=${REEL_BUILD_DIR:-$REEL_ROOT/build/$1}
  if [[ $REEL_BUILD != /* ]]; then REEL_BUILD=$PWD/$REEL_BUILD; fi
}

# guess_build_seconds MODE...: a full build; three seconds a file on one core, after the precompiled header.
guess_build_seconds() {
  local folders=(app pipeline guidance models attention) files
  [[ " $* " == *" test "* ]] && folders+=(tests)
  files=$(cd "$REEL_ROOT" && find "${folders[@]}" -name '*.cpp' | wc -l)
  echo $((30 + 3 * files / $(reel_jobs)))
}

cache_entry() { sed -n "s/^$1:[A-Z]*=//p" "$REEL_BUILD/CMakeCache.txt" 2>/dev/null | head -n 1; }

# reel_configure PRESET ON|OFF (tests). Nothing to do when the build folder fits: ninja notices changed CMake files.
reel_configure() {
  local preset=$1 tests=$2
  reel_build_folder "$preset"
  if [[ -f $REEL_BUILD/CMakeCache.txt && $(cache_entry CMAKE_HOME_DIRECTORY) != "$REEL_ROOT" ]]; then
    say "the build folder belongs to another place ($(cache_entry CMAKE_HOME_DIRECTORY)); starting it anew"
    rm -rf "$REEL_BUILD/CMakeCache.txt" "$REEL_BUILD/CMakeFiles"
  fi
  if [[ -f $REEL_BUILD/build.ninja && $(cache_entry Torch_DIR) == "$REEL_TORCH_DIR" ]] &&
    [[ $tests == OFF || $(cache_entry REEL_BUILD_TESTS) == ON ]]; then
    return 0
  fi
  local options=("-DTorch_DIR=$REEL_TORCH_DIR" "-DREEL_BUILD_TESTS=$tests")
  # shellcheck disable=SC2153 # REEL_CXX comes from setup.sh
  if [[ -n ${REEL_CXX:-} ]]; then options+=("-DCMAKE_CXX_COMPILER=$REEL_CXX"); fi
  if ! (cd "$REEL_ROOT" && step "configuring $preset" 10 configure \
    cmake --preset "$preset" -B "$REEL_BUILD" "${options[@]}"); then
    show_log configure 40
    fail "cmake could not configure $preset" "The lines above say what is missing."
  fi
}

# reel_compile TARGET...: builds with progress lines; compiler messages are shown as they come.
reel_compile() {
  local jobs start=$SECONDS shown=$SECONDS line quiet=0 log=$REEL_STATE/logs/build.log status=0
  jobs=$(reel_jobs)
  say "building $* in $REEL_BUILD, $jobs at once"
  mkdir -p "${log%/*}"
  # Paths below the checkout do not count for ccache: another clone finds what this one compiled.
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$REEL_ROOT} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
  # `9>&-`: compilers that outlive an interrupted script must not keep its lock.
  NINJA_STATUS='[%f/%t] ' ninja -C "$REEL_BUILD" -j "$jobs" "$@" 2>&1 </dev/null 9>&- | tee "$log" |
    while IFS= read -r line; do
      # A changed CMake file makes ninja configure first; of that only errors are news.
      if [[ $line == "-- "* || $line == "CMake Warning"* ]]; then quiet=1; fi
      if [[ $line == "["* || $line == "CMake Error"* || $line == "FAILED"* || $line == "ninja:"* ]]; then quiet=0; fi
      if ((quiet)); then continue; fi
      if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
        local done=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
        if ((SECONDS - shown >= 10 && done >= 5)); then  # before that, the precompiled header spoils the guess
          shown=$SECONDS
          say "  $done of $all built, about $(duration $(((SECONDS - start) * (all - done) / done))) left"
        fi
      elif [[ -n $line && $line != "ninja: Entering directory"* && $line != "ninja: no work to do."* ]]; then
        printf '%s\n' "$line" >&2
      fi
    done || status=$?
  if ((status != 0)); then
    fail "the build failed" "The compiler's messages are above and in $log."
  fi
  say "  built in $(duration $((SECONDS - start)))"
}
