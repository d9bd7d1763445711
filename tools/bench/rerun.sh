#!/usr/bin/env bash
# A run on warm caches against the same run on cold ones: sums of the stored spans, so without process start and loading LibTorch.
#
#   tools/bench/rerun.sh BUILD_OR_PREFIX EXPERIMENT.toml [options of clbench run]
set -euo pipefail
clbench=${1:?usage: tools/bench/rerun.sh BUILD_OR_PREFIX EXPERIMENT.toml [options of clbench run]}/bin/clbench
experiment=${2:?an experiment is missing}
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CLB_CACHE=$folder/cache

run() { "$clbench" run "$experiment" --db "$folder/rerun.sqlite" "$@" >"$folder/out" 2>&1 || { cat "$folder/out" >&2; exit 1; }; }
seconds() { sqlite3 "$folder/rerun.sqlite" "SELECT sum(wall_s) FROM span WHERE attempt_id = (SELECT max(attempt_id) FROM span)"; }

run "$@"
cold=$(seconds)
run "$@" --again
warm=$(seconds)
awk -v cold="$cold" -v warm="$warm" 'BEGIN { printf "first run %.2f s, second run on warm caches %.4f s, ratio %.0f\n", cold, warm, cold / warm }'
