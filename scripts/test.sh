#!/usr/bin/env bash
# Sets up, builds everything and runs all tests.
#
#   bash scripts/test.sh [ctest arguments]            e.g. -R Selector
#   REEL_PRESET=cpu-sanitize bash scripts/test.sh     with the address and undefined-behaviour sanitizers
#   REEL_PRESET=cpu-threads bash scripts/test.sh      requests side by side, with the thread sanitizer; a filter of
#                                                     GoogleTest chooses others
#
# Fails when a test fails and when none ran. ctest counts suites; the last line counts the tests in them.
# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

preset=${REEL_PRESET:-cpu-release}
if [[ $preset == *sanitize* ]]; then
  given=${ASAN_OPTIONS:-}
  # The build itself starts the test programs, to list their tests: leaks are looked for only later.
  export ASAN_OPTIONS="strict_string_checks=1:detect_leaks=0${given:+:$given}"
  export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
fi

target=all
if [[ $preset == *threads* ]]; then
  # LibTorch and libgomp are not instrumented: what they do among themselves is not looked at.
  export TSAN_OPTIONS="suppressions=$REEL_ROOT/scripts/threads.supp:ignore_noninstrumented_modules=1:halt_on_error=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
  target=pipeline_tests
fi

reel_build_folder "$preset"
reel_setup test
reel_configure "$preset" ON
reel_compile "$target"
reel_unlock
jobs=$(reel_jobs)
if [[ $preset == *sanitize* ]]; then
  # Looking for leaks needs ptrace, which some containers forbid; LibTorch itself leaves none.
  probe=$REEL_BUILD/tests/attention_tests
  if ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=1" "$probe" --gtest_filter=-'*' >/dev/null 2>&1; then
    ASAN_OPTIONS="strict_string_checks=1:detect_leaks=1${given:+:$given}"
    export LSAN_OPTIONS="suppressions=$REEL_ROOT/scripts/leaks.supp:print_suppressions=0"
  else
    say "leaks are not looked for: the leak checker does not work here"
  fi
fi
# One thread for each test process: many processes with a thread per core each would wait for one another.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if [[ $target == pipeline_tests ]]; then
  # Of the sanitized programs only this one was built, and its nodes without LibTorch's threads are what matters.
  say "running requests side by side"
  exec "$REEL_BUILD/tests/pipeline_tests" --gtest_filter="${1:-ConcurrentRequests*:ModelShelf*:Engine*}"
fi
say "running the tests, $jobs at once"
status=0
log=$REEL_BUILD/Testing/Temporary/LastTest.log
mkdir -p "${log%/*}" && : >"$log"  # an interrupted run must not count the one before
ctest --test-dir "$REEL_BUILD" --output-on-failure --no-tests=error -j "$jobs" "$@" </dev/null || status=$?
# count_of WORD: the sum of the programs' closing lines "[  WORD  ] N test(s)".
count_of() { sed -n "s/^\\[ *$1 *\\] \\([0-9]*\\) tests\\{0,1\\}[.,].*/\\1/p" "$log" | awk '{sum += $1} END {print sum + 0}'; }
say "$(count_of PASSED) tests passed, $(count_of FAILED) failed, $(count_of SKIPPED) skipped (why: $log)"
exit "$status"
