#!/usr/bin/env bash
# Tables and status over 10,000 and over 100,000 runs: seconds, processor seconds (less than the seconds when the machine is busy with
# something else), peak memory, and the ratio of processor seconds between the two sizes. And the table of 1,000 runs with predictions on
# 10,000 images.
#
#   tools/bench/scale.sh BUILD [FOLDER]        FOLDER keeps the databases for the next time; default: a temporary one
set -euo pipefail
bin=${1:?usage: tools/bench/scale.sh BUILD [FOLDER]}/bin
[ -x "$bin/make_runs" ] || { echo "${bin%/bin} was built without tools/bench: give build/ci, or configure with -DCLB_BENCH=ON" >&2; exit 2; }
folder=${2:-$(mktemp -d)}
[ -n "${2:-}" ] || trap 'rm -rf "$folder"' EXIT

# Seconds, processor seconds and peak resident memory in MB of one command, its output thrown away.
measure() {
  python3 - "$@" <<'PYTHON'
import os, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
if code: sys.exit(f"{sys.argv[1:]} ended with {code}")
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{seconds:.2f} {used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss / 1024:.0f}")
PYTHON
}

for runs in 10000 100000; do
  [ -e "$folder/$runs.sqlite" ] && continue
  start=$(date +%s)
  "$bin/make_runs" "$folder/$runs.sqlite" "$runs" 2>/dev/null
  echo "made $runs runs in $(($(date +%s) - start)) s, $(($(stat -c %s "$folder/$runs.sqlite") >> 20)) MiB"
done

row() { # NAME TARGET COMMAND...
  local name=$1 target=$2 small large
  shift 2
  read -r -a small <<<"$(measure "$bin/clbench" "$@" --db "$folder/10000.sqlite")"
  read -r -a large <<<"$(measure "$bin/clbench" "$@" --db "$folder/100000.sqlite")"
  awk -v name="$name" -v a="${small[*]}" -v b="${large[*]}" -v target="$target" 'BEGIN {
    split(a, s); split(b, l)
    printf "%-20s 10,000 runs %6.2f s (cpu %.2f)   100,000 runs %6.2f s (cpu %.2f)   ratio %.1f   peak %d MB   target %s\n",
      name, s[1], s[2], l[1], l[2], l[2] / s[2], l[3], target }'
}
row "table" "5 s, 1024 MB" table
row "table --format csv" "5 s, 1024 MB" table --format csv
row "leaderboard, index" "5 s, 1024 MB" leaderboard --index-only --out "$folder/site"
row "status" "0.2 s" status
[ -e "$folder/predictions.sqlite" ] || "$bin/make_runs" "$folder/predictions.sqlite" 1000 10000 2>/dev/null
read -r -a one <<<"$(measure "$bin/clbench" table --db "$folder/predictions.sqlite")"
printf '%-20s 1,000 runs with predictions %6.2f s (cpu %.2f)   peak %d MB   target 5 s\n' table "${one[@]}"
