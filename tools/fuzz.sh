#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz (preset fuzz, clang) and runs each for a while.
#
#   tools/fuzz.sh [SECONDS | --runs N] [TARGET...]       60 seconds and all targets unless told otherwise; N runs begin with one seed
#
# Each starts from its seeds and from what earlier runs found (build/fuzz/corpus). An input that breaks a target stays in
# build/fuzz/crashes/TARGET; mend the reader, then keep the input in tests/fuzz/seeds/TARGET. Exit code 0: nothing broke.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

limit=-max_total_time=60
case "${1:-}" in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  --runs) limit="-runs=${2:?--runs needs a number} -seed=1"; shift 2 ;;
  [0-9]*) limit=-max_total_time=$1; shift ;;
esac

cmake --preset fuzz
cmake --build --preset fuzz -j "${CLB_JOBS:-$(nproc)}"
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for seeds in tests/fuzz/seeds/*/; do targets+=("$(basename "$seeds")"); done
fi

export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
[ ! -d /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
broken=()
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target crashes=build/fuzz/crashes/$target log=build/fuzz/$target.log
  mkdir -p "$corpus" "$crashes"
  started=$SECONDS
  # shellcheck disable=SC2086
  if "build/fuzz/fuzz/fuzz_$target" $limit -timeout=20 -rss_limit_mb=3000 -max_len=8192 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$crashes/" "$corpus" "tests/fuzz/seeds/$target" >"$log" 2>&1; then
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '  %-12s %9s executions, %4s s: nothing broke\n' "$target" "$executions" $((SECONDS - started))
  else
    printf '  %-12s BROKEN, see %s\n' "$target" "$log"
    grep -m3 -E 'ERROR|SUMMARY|runtime error|Test unit written' "$log" || true
    broken+=("$target")
  fi
done
[ ${#broken[@]} = 0 ]
