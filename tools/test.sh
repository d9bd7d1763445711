#!/usr/bin/env bash
# Everything that must hold: format, tree, warning-free build, exported symbols of the plugins, all tests, a short fuzzing.
#
#   tools/test.sh [--all]       --all: the tests again under the address, undefined-behaviour and thread sanitizers
#
# A check that fails does not stop the later ones, a build that fails does. Exit code 0: all passed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
source tools/setup/phases.sh
started=$SECONDS

presets=(ci)
case "${1:-}" in
  "") ;;
  --all) presets+=(san tsan) ;;
  *) echo "usage: tools/test.sh [--all]" >&2; exit 2 ;;
esac

export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
export LSAN_OPTIONS=suppressions=$root/tests/san.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}

notes=()
complete=no
finish() {
  local status=$?
  print_phases
  [ ${#notes[@]} = 0 ] || printf '%s\n' "${notes[@]}"
  if [ $complete = no ] && [ ${#phase_failed[@]} = 0 ]; then
    echo "tools/test.sh: STOPPED before its end"
  elif [ $status = 0 ]; then
    echo "tools/test.sh: PASSED in $((SECONDS - started)) s"
  else
    echo "tools/test.sh: FAILED in: $(IFS=,; echo "${phase_failed[*]}")"
  fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_preset() {
  local preset=$1 clean=clean start=$SECONDS log=build/$1/ccache.log
  [ ! -e "build/$preset/.ninja_log" ] || clean=incremental
  cmake --preset "$preset" || return 1
  rm -f "$log"
  CCACHE_STATSLOG=$root/$log cmake --build "build/$preset" -j "$(nproc)" || return 1
  notes+=("$clean build of preset $preset: $((SECONDS - start)) s on $(nproc) cores, $(ccache_hits "$log")")
}

ccache_hits() {
  [ -e "$1" ] || { echo "nothing compiled through ccache"; return; }
  echo "$(grep -cE '^(direct|preprocessed)_cache_hit$' "$1" || true) of $(grep -c '^#' "$1" || true) compilations from ccache"
}

run_tests() {
  local preset=$1 status=0
  ctest --preset "$preset" -j "$(nproc)" --output-junit "$root/build/$preset/tests.xml" || status=$?
  report_skipped "$preset"
  return $status
}

# A test that skips itself counts as passed for CTest; how many did stands in its XML, why in its log.
report_skipped() {
  local log=build/$1/Testing/Temporary/LastTest.log results=build/$1/tests.xml skipped
  [ -e "$results" ] || return 0
  skipped=$(grep -c '<skipped' "$results" || true)
  if [ "$skipped" = 0 ]; then
    notes+=("preset $1: no test skipped")
  elif [ ! -d ../shared ]; then
    notes+=("preset $1: $skipped tests SKIPPED, among them those that need ../shared, which is absent")
  else
    notes+=("preset $1: $skipped tests SKIPPED, reasons:"
      "$({ grep -A1 ': Skipped$' "$log" | grep -v -e ': Skipped$' -e '^--$'; grep '^SKIPPED: ' "$log"; } | sed 's/^SKIPPED: //' | sort -u)")
  fi
}

check_format() { tree_files '*.c' '*.cpp' '*.h' '*.hpp' | xargs -d '\n' clang-format --dry-run -Werror; }

phase set-up tools/setup/setup.sh --tests
[ -n "${CLB_PYTHON:-}" ] || [ ! -e third_party/python/bin/python3 ] || export CLB_PYTHON=$root/third_party/python/bin/python3
phase format check_format || true
phase tree tools/check_tree.sh || true
for preset in "${presets[@]}"; do
  phase "build $preset" build_preset "$preset"
  [ "$preset" != ci ] || phase plugins tools/check_plugins.sh build/ci || true
  [ "$preset" != ci ] || phase readmes tools/check_readmes.sh build/ci || true
  phase "tests $preset" run_tests "$preset" || true
done
phase fuzz tools/fuzz.sh --runs 20000 || true
complete=yes
[ ${#phase_failed[@]} = 0 ]
