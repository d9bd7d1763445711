#!/usr/bin/env bash
# What a run costs that has next to nothing to compute: SimpleCIL on cached features, many seeds. Prints wall and processor seconds, without
# and with the second look, and what loading LibTorch alone takes.
#
#   tools/bench/warm_runs.sh PREFIX [RUNS]        PREFIX: an installation, or a build folder; RUNS: default 100
set -euo pipefail
bin=${1:?usage: tools/bench/warm_runs.sh PREFIX [RUNS]}/bin
runs=${2:-100}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CLB_CACHE=$folder/cache TIMEFORMAT='%R s, processor %U + %S s'
cat >"$folder/warm.toml" <<'TOML'
name = "warm"
weights = "clb-micro"
dataset = { id = "formula", params = { classes = 10, train_images = 100, test_images = 50 } }
protocol = { kind = "class", split = "B0-Inc2", order = "seed", eval_transform = "micro-32" }
run = { precision = "fp32", threads = 1 }
method = "simplecil"
TOML
go() { "$bin/clbench" run "$folder/warm.toml" --again --db "$folder/warm.sqlite" --jobs "$(nproc)" "$@" </dev/null >/dev/null 2>&1; }

go --set run.seed=0 # the cache
seeds=[$(seq -s, 1 "$runs")]
echo "load $(cut -d' ' -f1-3 /proc/loadavg) on $(nproc) cores"
echo -n "clb-runner that does nothing: "
time "$bin/clb-runner" version >/dev/null
echo -n "$runs runs, no second look: "
time go --set "run.seed=$seeds" --no-second-look
echo -n "$runs runs: "
time go --set "run.seed=$seeds"
