#!/usr/bin/env bash
# How often is an unchanged build called a regression? Runs a small experiment with one installation as base and as head, in turns, and asks
# the gate about each handful of passes. The runs are real, so what else the machine does counts (docs/gate.md).
#
#   tools/bench/gate_real.sh PREFIX COMPARISONS DIR [PAIRS]
#
#   PREFIX        an installation, or a build folder
#   COMPARISONS   how many times the gate is asked, each time about runs of its own
#   DIR           databases and answers; what is there already is not run again
#   PAIRS         passes of each side in a comparison (default 3)
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
program=$1/bin/clbench comparisons=$2 folder=$3 pairs=${4:-3}
mkdir -p "$folder"
cat >"$folder/unchanged.toml" <<'TOML'
name = "unchanged"
weights = "clb-micro"
dataset = { id = "formula", params = { classes = 4, train_images = 20, test_images = 10 } }
protocol = { kind = "class", split = "B0-Inc2", order = "seed", eval_transform = "micro-32" }
run = { seed = 0, precision = "fp32", threads = 1 }
method = "simplecil"
TOML

pass() { "$program" run "$folder/unchanged.toml" --again --cache off --no-second-look --jobs 1 --db "$1" </dev/null >"$folder/last.log" 2>&1; }

for ((i = 1; i <= comparisons; ++i)); do
  answer=$folder/$i.json
  [ -e "$answer" ] && continue
  rm -rf "$folder/base.sqlite"* "$folder/head.sqlite"*
  for ((k = 0; k < pairs; ++k)); do # base head head base base head ...: drift favours no side
    if ((k % 2 == 0)); then first=base second=head; else first=head second=base; fi
    pass "$folder/$first.sqlite"
    pass "$folder/$second.sqlite"
  done
  code=0
  "$program" gate --base "$folder/base.sqlite" --head "$folder/head.sqlite" --json >"$answer.part" || code=$?
  mv "$answer.part" "$answer"
  echo "$i exit $code, load $(cut -d' ' -f1 /proc/loadavg)" | tee -a "$folder/answers.txt"
done
echo "regression: $(grep -c 'exit 1,' "$folder/answers.txt" || true) of $(wc -l <"$folder/answers.txt")"
