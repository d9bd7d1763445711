#!/usr/bin/env bash
# Runs every method on a device and compares with the CPU, from binaries that were built elsewhere (docs/gpu.md).
#
#   tools/gpu_check.sh --pack DIR [--build BUILD]      where the tree was built: writes DIR, at most 64 MiB, with this script in it
#   DIR/gpu_check.sh [--device cuda|cuda:N|cpu] [--problems synthetic,real,clip,fusion] [--phases steps,longer] [--threads N] [--json] [--out OUT]
#                                                      anywhere: needs DIR, PyTorch 2.11 and a driver
#
# --device   default cuda; cpu compares the CPU with itself, which must give equal bits
# --problems default: those that DIR holds; the real one is packed when ../shared lies beside the tree
# --out      keeps databases, logits and logs in OUT; default: a temporary folder, removed when all is well
# CLB_LIBTORCH names PyTorch's folder "torch"; default: where python3 finds torch.
# Exit code 0: all equal within the stated tolerances. 1: something failed. 2: it could not run (no PyTorch, no card, wrong use).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
limit=$((64 << 20))

stop() {
  echo "gpu_check: $*" >&2
  exit 2
}

# Only a new or empty folder, and one that this script filled before, is written to; in that one it replaces its own.
may_fill() { # DIR pack|results
  local mark=$1/.gpu_check.$2
  [ ! -e "$1" ] || [ -e "$mark" ] || [ -z "$(ls -A "$1")" ] || stop "$1 is not empty and no earlier gpu_check filled it; give a new folder"
  mkdir -p "$1"
  touch "$mark"
}

pack() { # DIR BUILD
  local to=$1 build=$2 root shared size part
  root=$(cd "$here/.." && pwd) shared=$root/../shared/data
  [ -x "$build/bin/gpu_check_data" ] || stop "$build is not built for it; run: cmake --preset release && cmake --build build/release --target all gpu_check"
  may_fill "$to" pack
  for part in bin lib share include problems data programs.tar.xz gpu_check.sh; do rm -rf "${to:?}/$part"; done
  mkdir -p "$to/data"
  cmake --install "$build" --prefix "$to" --strip >/dev/null
  rm -rf "$to/bin/clb-pretrain" "$to"/share/clbench/{leaderboard,assets/clip_bpe} # nothing here needs them, and the pack is full
  rm -rf "$to/include" "$to/lib/cmake" "$to/lib/libtorch" "$to"/lib/*.a "$to/share/clbench/templates" # plugins are not built there
  cp "$build/bin/gpu_check_compare" "$to/bin"
  cp "$root/tools/gpu_check.sh" "$to"
  cp -r "$root/tools/gpu_check" "$to/problems"
  rm -f "$to"/problems/*.cpp "$to/problems/CMakeLists.txt"
  mkdir "$to/data/clip" "$to/data/fusion" # whose images are drawn
  cp "$root/share/assets/formula_captions/captions.txt" "$to/data/clip"
  "$build/bin/gpu_check_data" synthetic "$to/data/synthetic"
  if [ -d "$shared" ]; then
    "$build/bin/gpu_check_data" cifar100 "$shared/cifar-100-binary" "$to/data/real"
    cp "$shared/deit_tiny/deit_tiny_patch16_224.safetensors" "$to/data"
    chmod u+w "$to/data"/*.safetensors
  else
    echo "gpu_check: ../shared is absent: the pack holds the synthetic problem alone"
  fi
  strip "$to/bin/gpu_check_compare"
  XZ_OPT='-T0 -3' tar -C "$to" -cJf "$to/programs.tar.xz" bin lib share && rm -r "$to"/{bin,lib,share} # to a third; check unpacks them
  size=$(find "$to" -type f -printf '%s\n' | paste -sd+ | sed 's/^$/0/')
  size=$((size))
  printf 'gpu_check: %s: %d bytes (%d MiB) in %d files; the limit is 64 MiB\n' "$to" $size $(((size >> 20) + 1)) "$(find "$to" -type f | wc -l)"
  [ $size -le $limit ] || stop "$to is larger than 64 MiB"
}

find_libtorch() {
  export CLB_LIBTORCH=${CLB_LIBTORCH:-$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2>/dev/null || true)}
  [ -n "$CLB_LIBTORCH" ] || stop "python3 finds no module torch; install PyTorch 2.11, or set CLB_LIBTORCH to its folder \"torch\""
  [ -e "$CLB_LIBTORCH/lib/libtorch_cpu.so" ] || stop "CLB_LIBTORCH is $CLB_LIBTORCH, which holds no lib/libtorch_cpu.so"
}

run() { # PROBLEM PHASE DEVICE DATABASE
  local problem=$1 phase=$2 device=$3 database=$4 methods=$2 file sets status=0
  [ ! -e "$here/problems/$problem-steps.toml" ] || methods=$problem-$phase
  [ -e "$here/problems/$methods.toml" ] || return 0
  file=$out/$problem-$phase.toml
  {
    printf 'name = "%s %s"\n' "$problem" "$phase"
    cat "$here/problems/$problem.toml"
    printf 'stop_after = %d\n\n[run]\nprecision = "fp32"\ncheckpoint = "off"\nkeep_logits = true\nthreads = %d\n\n' \
      "$([ "$phase" = steps ] && echo 2 || echo 3)" "$threads"
    cat "$here/problems/$methods.toml"
    [ "$problem $phase" != "synthetic steps" ] || { echo && cat "$here/problems/variants.toml"; }
  } >"$file"
  sets=(--set "run.device=$device")
  case $problem in
    synthetic | real) sets+=(--set "dataset.root=$here/data/$problem") ;;
    clip) sets+=(--set "assets.captions.file=$here/data/clip/captions.txt") ;;
  esac
  [ "$problem" != real ] || sets+=(--set "weights.main.file=$here/data/deit_tiny_patch16_224.safetensors")
  echo "gpu_check: $problem, $phase, on $device" >&2
  # Without a cache every run pays for its own features. 1: a run failed, which is a row of the comparison.
  "$here/bin/clbench" run "$file" "${sets[@]}" --db "$out/$database" --cache off >>"$out/log.txt" 2>&1 || status=$?
  [ $status -le 1 ] || stop "clbench run: exit code $status: $(tail -n 1 "$out/log.txt")"
}

unpack() {
  local programs=$here/programs.tar.xz
  [ -e "$programs" ] || return 0
  # Python reads xz where the machine has no program for it.
  tar -C "$here" -xJf "$programs" 2>/dev/null || python3 -m tarfile -e "$programs" "$here" || stop "$programs cannot be unpacked; pack it again"
  rm "$programs"
}

check() {
  local runner version methods='' problem phase
  find_libtorch
  runner=$here/bin/clb-runner
  version=$(LD_LIBRARY_PATH=$CLB_LIBTORCH/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$runner" version 2>&1) ||
    stop "clb-runner does not start with the PyTorch in $CLB_LIBTORCH: $version"
  if [[ $device == cuda* && $version == *'"devices":[]'* ]]; then stop "not run: no GPU ($version)"; fi
  [ ${#problems[@]} -gt 0 ] || mapfile -t problems < <(cd "$here/data" && ls -d synthetic real clip fusion 2>/dev/null)
  may_fill "$out" results
  for problem in "${problems[@]}"; do
    [ -d "$here/data/$problem" ] || stop "$here/data holds no problem \"$problem\""
    for phase in "${phases[@]}"; do
      [ -e "$here/problems/$phase.toml" ] || stop "there is no phase \"$phase\"; known: steps, longer"
      run "$problem" "$phase" cpu cpu.sqlite
      run "$problem" "$phase" "$device" device.sqlite
    done
  done
  [[ " ${phases[*]} " != *' steps '* ]] || methods=$(cd "$here/lib/clbench/methods" && printf '%s,' *.so | sed 's/\.so,/,/g; s/,$//')
  "$here/bin/gpu_check_compare" "$out/cpu.sqlite" "$out/device.sqlite" "$device" "$methods" --json >"$out/gpu_check.json" || true
  [ "$json" = no ] || { cat "$out/gpu_check.json" && exec >/dev/null; }
  echo "clb-runner: $version"
  "$here/bin/gpu_check_compare" "$out/cpu.sqlite" "$out/device.sqlite" "$device" "$methods"
}

device=cuda problems=() phases=(steps longer) threads=$(nproc) json=no out='' pack_to='' build=''
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=yes && shift && continue ;;
    --device | --problems | --phases | --threads | --out | --pack | --build) [ $# -ge 2 ] || stop "$1 needs a value" ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
  case $1 in
    --device) device=$2 ;;
    --problems) IFS=, read -ra problems <<<"$2" ;;
    --phases) IFS=, read -ra phases <<<"$2" ;;
    --threads) threads=$2 ;;
    --out) out=$2 ;;
    --pack) pack_to=$2 ;;
    --build) build=$2 ;;
  esac
  shift 2
done
[[ $device =~ ^(cpu|cuda(:[0-9]+)?)$ ]] || stop "--device is \"$device\"; known: cuda, cuda:N, cpu"

if [ -n "$pack_to" ]; then
  pack "$pack_to" "${build:-$here/../build/release}"
  exit
fi
unpack
[ -x "$here/bin/clbench" ] || stop "start the copy that --pack wrote: tools/gpu_check.sh --pack build/gpu_check && build/gpu_check/gpu_check.sh"
temporary=''
[ -n "$out" ] || { temporary=$(mktemp -d) && out=$temporary; }
finish() {
  local status=$?
  if [ -n "$temporary" ] && { [ $status = 0 ] || [ ! -e "$out/log.txt" ]; }; then
    rm -rf "$temporary"
  else
    echo "gpu_check: databases, logits and logs are in $out" >&2
  fi
}
trap finish EXIT
check
