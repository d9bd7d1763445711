#!/usr/bin/env bash
# clbench against a program of the same settings in PyTorch (tools/bench/pytorch: timm's network, torchvision's transforms on PIL images, no
# workers): whole processes, cold (nothing in clbench's cache), fp32, all cores, in turns. Prints medians, and what loading alone takes. Then
# what is possible, from the products of matrices of a run in clbench that leaves all of them to MKL (CLB_CPU_KERNELS=off), as MKL lists them:
# `of rate`, the share of clbench's seconds that they would take at the highest rate that this machine multiplies at; `seconds`, what MKL took
# for them in that run, by its own clock, all cores at work; `share` of clbench's seconds; `limit`, the ratio if nothing else took any time;
# and the ratio if they were 0.85 of the whole.
#
#   tools/bench/against_pytorch.sh BUILD PYTHON DATA [METHOD...]
#
#   BUILD    an installation, or a build folder
#   PYTHON   a Python that has torch, torchvision and timm; torch as new as LibTorch
#   DATA     folder that holds cifar-100-binary (train.bin and test.bin, or .xz) and deit_tiny
#   METHOD   default: all of them
#
# Of the environment: ROUNDS (3), EPOCHS (3), TASKS (2; methods that train nothing 10), CLASSES of a task (10), images of a class TRAIN (20) and
# TEST (10), RECIPE (augmented-112).
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
build=$(realpath "$1") python=$2 data=$(realpath "$3")
shift 3
here=$(dirname "$(realpath "$0")")
recipe=${RECIPE:-augmented-112} classes=${CLASSES:-10} train=${TRAIN:-20} test=${TEST:-10} epochs=${EPOCHS:-3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Both sides read the plain files: unpacking is nobody's work here.
mkdir "$folder/data"
cp "$data"/cifar-100-binary/*_label_names.txt "$folder/data"
for part in train test; do
  if [ -e "$data/cifar-100-binary/$part.bin" ]; then ln -s "$data/cifar-100-binary/$part.bin" "$folder/data/"
  else xz -dc "$data/cifar-100-binary/$part.bin.xz" >"$folder/data/$part.bin"; fi
done

# Seconds, processor seconds and peak resident memory in MB (of the largest process) of a command, whose output goes to a file.
measure() { # FILE COMMAND...
  "$python" - "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.perf_counter()
with open(sys.argv[1], "w") as log:
    code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT).returncode
if code: sys.exit(f"{' '.join(sys.argv[2:])} ended with {code}:\n{open(sys.argv[1]).read()}")
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{seconds:.2f} {used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss / 1024:.0f}")
PYTHON
}

in_clbench() { # PARAMS; prints what measure does, updates, accuracy
  rm -rf "$folder/cache" "$folder"/db.sqlite*
  cat >"$folder/experiment.toml" <<TOML
name = "against_pytorch"
dataset = { id = "cifar100", root = "$folder/data", train_per_class = $train, test_per_class = $test }
weights = "deit-tiny"
protocol = { split = "B0-Inc$classes", order = "identity", stop_after = $tasks, eval_transform = "$recipe" }
run = { seed = $round, precision = "fp32", checkpoint = "off" }
method = [{ id = "$method", train_transform = "$recipe", params = { $1 } }]
TOML
  local known=(--db "$folder/db.sqlite" --cache "$folder/cache")
  measure "$folder/log" "$build/bin/clbench" run "$folder/experiment.toml" --no-second-look --weights-path "$data/deit_tiny" "${known[@]}"
  "$build/bin/clbench" table "${known[@]}" --metrics acc.last.sample,updates --json | "$python" -c '
import json, sys
values = json.load(sys.stdin)["tables"][0]["sections"][0]["rows"][0]["runs"][0]["values"]
print(int(values.get("updates") or 0), 100 * values["acc.last.sample"])'
}

# Products of matrices of one run in clbench, as MKL lists them: operations of those listed with their sizes, and seconds by MKL's clock, of
# all, with every core at work. Those that clbench computes itself are MKL's in this run.
products() { # PARAMS
  (export CLB_CPU_KERNELS=off MKL_VERBOSE=1 MKL_VERBOSE_OUTPUT_FILE="$folder/products"; rm -f "$folder/products"; in_clbench "$1" >/dev/null)
  "$python" - "$folder/products" <<'PYTHON'
import os, re, sys
units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
call = re.compile(r"MKL_VERBOSE SGEMM(_BATCH)?\(\w,\w,([^ ]*)\) (\d+(?:\.\d+)?)(ns|us|ms|s) .*NThr:(\d+)$")
operations = seconds = 0
for found in filter(None, map(call.match, open(sys.argv[1]))):  # two threads write a line into one another now and then
    if not found[1]:
        m, n, k = map(int, found[2].split(",")[:3])
        operations += 2 * m * n * k
    seconds += float(found[3]) * units[found[4]] * int(found[5])
print(operations, seconds / os.cpu_count())
PYTHON
}

# Operations a second in products of matrices, the most of several sizes and times.
highest_rate() {
  "$python" - <<'PYTHON'
import time, torch
def rate(rows, inner, columns, times):
    a, b = torch.randn(rows, inner), torch.randn(inner, columns)
    start = time.perf_counter()
    for _ in range(times): a @ b
    return 2 * rows * inner * columns * times / (time.perf_counter() - start)
print(max(rate(*sizes) for _ in range(10) for sizes in [(2048, 2048, 2048, 2), (800, 192, 768, 100), (3200, 768, 192, 25)]))
PYTHON
}

in_pytorch() { # OPTIONS...; prints the same
  measure "$folder/log" "$python" "$here/pytorch/run.py" "$method" --data "$folder/data" --recipe "$build/share/clbench/recipes/$recipe.toml" \
    --weights "$data/deit_tiny/deit_tiny_patch16_224.safetensors" --classes "$classes" --tasks "$tasks" --train-per-class "$train" \
    --test-per-class "$test" --seed "$round" "$@"
  tail -1 "$folder/log" | "$python" -c 'import json, sys; values = json.load(sys.stdin); print(values["updates"], values["accuracy"])'
}

row() { # one line from the rounds of a method
  "$python" - "$method" "$folder/rounds" "$(cut -d' ' -f1 /proc/loadavg)" "$rate" $1 <<'PYTHON'
import statistics, sys
rounds = [line.split() for line in open(sys.argv[2])]
sides = {name: list(zip(*([float(x) for x in line[1:]] for line in rounds if line[0] == name))) for name in ("clbench", "pytorch")}
ours, theirs = sides["clbench"], sides["pytorch"]
ratio = [statistics.median(b / a for a, b in zip(mine, other)) for mine, other in zip(ours[:2], theirs[:2])]
a, b = ([statistics.median(values) for values in side] for side in (ours, theirs))
notes = [f"load {sys.argv[3]}"]
if a[3] != b[3]: notes.append("UPDATES DIFFER")
if abs(a[4] - b[4]) > 10: notes.append("accuracies differ")
rate, operations, ran = map(float, sys.argv[4:])
print(f"{sys.argv[1]:12} {a[0]:7.1f} {b[0]:7.1f}   {ratio[0]:5.2f} {ratio[1]:5.2f}   {a[2]:5.0f} {b[2]:5.0f} {a[2] / b[2]:5.2f}   "
      f"{a[3]:5.0f} {b[3]:5.0f}   {a[4]:5.1f} {b[4]:5.1f}   {operations / rate / a[0]:7.2f}   "
      f"{ran:7.1f} {ran / a[0]:5.2f} {b[0] / ran:5.2f} {0.85 * b[0] / ran:7.2f}   " + ", ".join(notes))
PYTHON
}

# The rates are those of the presets `small`, which are for as few updates as these.
compare() { # METHOD RATE [PARAMS]
  method=$1 tasks=${TASKS:-2}
  : >"$folder/rounds"
  local params="lr = $2, epochs = $epochs, batch_size = 16${3:+, $3}" options=(--lr "$2" --epochs "$epochs" --batch-size 16)
  case $method in # nothing is trained
    simplecil) params="" options=() tasks=${TASKS:-10} ;;
    ranpac) params=$3 options=(--projection 2000) tasks=${TASKS:-10} ;;
  esac
  for ((round = 0; round < ${ROUNDS:-3}; ++round)); do
    echo clbench $(in_clbench "$params") >>"$folder/rounds"
    echo pytorch $(in_pytorch "${options[@]}") >>"$folder/rounds"
  done
  round=0
  row "$(products "$params")"
}

echo "$(sed -n 's/^model name.*: //p;q' <(grep 'model name' /proc/cpuinfo)), $(nproc) cores, $(grep -om1 -w 'avx2\|avx512f\|amx_bf16' /proc/cpuinfo | tr '\n' ' ')"
echo "loading alone, seconds, processor seconds, MB: clb-runner $(measure /dev/null "$build/bin/clb-runner" version), Python $(
  measure /dev/null "$python" -c 'import torch, torchvision, timm')"
rate=$(highest_rate)
echo "products of matrices: $(printf %.0f "${rate%.*}e-9") GFLOP/s at most"
echo "                   seconds    pytorch / clbench    peak MB              updates      accuracy   products   products, as they ran"
echo "method       clbench pytorch   wall   cpu    clbench pytorch ratio   clbench pytorch   clbench pytorch   of rate   seconds share limit at 0.85"
[ $# -gt 0 ] || set -- simplecil ranpac finetune slca l2p dualprompt coda_prompt ease aper
for name in "$@"; do
  case $name in
    simplecil) compare simplecil 0 ;;
    ranpac) compare ranpac 0 'tuner = "none", projection = 2000, solve = "fp32"' ;;
    finetune) compare finetune 0.001 ;;
    slca) compare slca 0.01 ;;
    l2p) compare l2p 0.03 'batch_vote_train = false, prompt_position = "none"' ;;
    dualprompt) compare dualprompt 0.01 ;;
    coda_prompt) compare coda_prompt 0.003 'drop_last = false' ;;
    ease) compare ease 0.1 ;;
    aper) compare aper 0.1 ;;
    *) echo "$name: no such method; see $here/pytorch" >&2; exit 2 ;;
  esac
done
