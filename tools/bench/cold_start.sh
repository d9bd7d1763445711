#!/usr/bin/env bash
# Cold paths of clbench: --help, and list with 30 plugins (copies of those that are built). Median of 41 calls each, process start included.
#
#   tools/bench/cold_start.sh BUILD_OR_PREFIX
set -euo pipefail
prefix=${1:?usage: tools/bench/cold_start.sh BUILD_OR_PREFIX}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
made=0
while [ $made -lt 30 ]; do
  for plugin in "$prefix"/lib/clbench/*/*.so; do
    [ $made -lt 30 ] || break
    made=$((made + 1))
    cp "$plugin" "$folder/$made.so"
  done
done

median_ms() {
  for _ in $(seq 41); do
    local start=$EPOCHREALTIME
    "$@" >/dev/null
    local end=$EPOCHREALTIME
    echo $((${end/./} - ${start/./}))
  done | sort -n | awk 'NR == 21 { printf "%.1f", $1 / 1000 }'
}

echo "clbench --help: $(median_ms "$prefix/bin/clbench" --help) ms (target below 20)"
echo "clbench list, 30 plugins: $(median_ms "$prefix/bin/clbench" list --plugin-path "$folder") ms (target below 60)"
