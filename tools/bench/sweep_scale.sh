#!/usr/bin/env bash
# A sweep of 10,000 runs in 500 jobs with an `sbatch` that takes everything: seconds and peak memory of plan, submit and status, and of
# merging 500 parts of 20 runs. The runs are not carried out; make_parts writes what they would have left.
#
#   tools/bench/sweep_scale.sh BUILD [FOLDER]        FOLDER: where the sweep is made (some 500 MB); default: a temporary one
set -euo pipefail
bin=$(cd "${1:?usage: tools/bench/sweep_scale.sh BUILD [FOLDER]}/bin" && pwd)
[ -x "$bin/make_parts" ] || { echo "${bin%/bin} was built without tools/bench: give build/ci, or configure with -DCLB_BENCH=ON" >&2; exit 2; }
folder=${2:-$(mktemp -d)}
[ -n "${2:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/slurm"
printf '#!/bin/sh\necho Submitted batch job $$\n' >"$folder/slurm/sbatch"
printf '#!/bin/sh\n' >"$folder/slurm/squeue"
chmod +x "$folder/slurm/"*
export PATH=$folder/slurm:$PATH CLB_CACHE=$folder/cache

cat >"$folder/many.toml" <<TOML
name = "many"
weights = "clb-micro"
[dataset]
id = "formula"
[protocol]
kind = "class"
split = "B0-Inc4"
order = "seed"
order_seed = [$(seq -s, 0 99)]
eval_transform = "micro-32"
[run]
seed = [$(seq -s, 0 49)]
threads = 1
[[method]]
id = "simplecil"
[[method]]
id = "ranpac"
params = { projection = 2000, tuner = "none" }
TOML

measure() { # NAME TARGET COMMAND...
  python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL)
if done.returncode: sys.exit(f"{sys.argv[3:]} ended with {done.returncode}")
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]:<40} {seconds:6.2f} s (cpu {used.ru_utime + used.ru_stime:.2f})   peak {used.ru_maxrss >> 10} MB   target {sys.argv[2]}")
PYTHON
}

"$bin/clbench" run "$folder/many.toml" --dry-run >/dev/null # the data are described once
measure "plan, 10,000 runs, 500 jobs" "5 s" "$bin/clbench" sweep plan "$folder/many.toml" --dir "$folder/sweep" --jobs-max 500
measure "submit" "-" "$bin/clbench" sweep submit "$folder/sweep"
measure "status, nothing done" "2 s" "$bin/clbench" sweep status "$folder/sweep"
"$bin/make_parts" "$folder/sweep"
measure "status, 500 parts of 20 runs" "2 s" "$bin/clbench" sweep status "$folder/sweep"
measure "status --json" "2 s" "$bin/clbench" sweep status "$folder/sweep" --json
measure "merge of 500 parts of 20 runs" "60 s" "$bin/clbench" merge "$folder/all.sqlite" "$folder"/sweep/parts/*.sqlite
du -sh "$folder/sweep/parts" | cut -f1
