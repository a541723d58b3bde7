#!/usr/bin/env bash
# Sets up, builds everything and runs all tests.
#
#   bash scripts/test.sh [ctest arguments]            e.g. -R Selector
#   REEL_PRESET=cpu-sanitize bash scripts/test.sh     with the address and undefined-behaviour sanitizers
#
# Fails when a test fails and when none ran. The last lines are ctest's summary.
# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

preset=${REEL_PRESET:-cpu-release}
if [[ $preset == *sanitize* ]]; then
  # LibTorch itself is not instrumented. Its registries and thread pools are never freed, by design, so leaks are
  # not looked for; and the same global may be seen from several of its libraries.
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:detect_odr_violation=0:strict_string_checks=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
fi

reel_build_folder "$preset"
reel_setup test
reel_configure "$preset" ON
reel_compile all
reel_unlock
say "running the tests"
status=0
ctest --test-dir "$REEL_BUILD" --output-on-failure --no-tests=error -j "$(reel_jobs)" "$@" </dev/null || status=$?
exit "$status"
