#!/usr/bin/env bash
# tools/gpu_check.sh on the CPU, from a packed and moved folder: the CPU repeats itself bit for bit, and a difference is found.
#
#   gpu_check_test.sh BUILD        BUILD: a finished build tree
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:?usage: gpu_check_test.sh BUILD}" && pwd)
libtorch=$(realpath "$build/lib/libtorch")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

echo "=== a folder of somebody else is kept"
mkdir "$work/theirs" && echo mine >"$work/theirs/gpu_check.sh"
! "$root/tools/gpu_check.sh" --pack "$work/theirs" --build "$build" 2>/dev/null || fail "packed over another folder"
[ "$(cat "$work/theirs"/*)" = mine ] || fail "removed what it did not pack"

"$root/tools/gpu_check.sh" --pack "$work/packed" --build "$build"
"$root/tools/gpu_check.sh" --pack "$work/packed" --build "$build" # once more over its own
mv "$work/packed" "$work/carried here"
export CLB_LIBTORCH=$libtorch
check="$work/carried here/gpu_check.sh"

echo "=== equal bits"
"$check" --device cpu --problems synthetic,clip,fusion --phases steps --threads 1 --out "$work/out" || fail "the CPU differs from itself"

echo "=== a difference is found, and rounding is forgiven"
# The same runs by other instructions: what a GPU does to the last bits.
compare="$work/carried here/bin/gpu_check_compare"
packed="$work/carried here"
ATEN_CPU_CAPABILITY=default "$packed/bin/clbench" run "$work/out/synthetic-steps.toml" --set dataset.root="$packed/data/synthetic" \
  --set run.device=cpu --db "$work/other.sqlite" --cache off >"$work/log" 2>&1 || fail "a run failed: $(tail -n 3 "$work/log")"
"$compare" "$work/other.sqlite" "$work/out/device.sqlite" cpu simplecil --rounding || fail "more than rounding"
! "$compare" "$work/other.sqlite" "$work/out/device.sqlite" cpu simplecil >"$work/table" || fail "other bits were not seen"
grep -q 'logits differ' "$work/table" || fail "the differing logits are not named"
! "$compare" "$work/out/cpu.sqlite" "$work/out/device.sqlite" cpu simplecil,unknown >"$work/table" || fail "a method that never ran is not missed"
grep -q 'not compared: unknown' "$work/table" || fail "the missing method is not named"
# One changed logit: the file no longer has the recorded hash.
logits=$(find "$work/out/device.sqlite.runs" -name 'logits-0.f32' | head -n 1)
printf 'x' | dd of="$logits" bs=1 seek=3 conv=notrunc status=none
! "$compare" "$work/out/cpu.sqlite" "$work/out/device.sqlite" cpu simplecil >/dev/null 2>&1 || fail "changed logits were not seen"

echo "=== the longer runs can be planned"
{ echo 'name = "longer"' && cat "$packed/problems/synthetic.toml" "$packed/problems/longer.toml"; } >"$work/longer.toml"
"$packed/bin/clbench" run "$work/longer.toml" --set dataset.root="$packed/data/synthetic" --db "$work/none.sqlite" --dry-run

echo "=== without a card"
if ! "$build/bin/clb-runner" version | grep -q '"devices":\["'; then
  status=0
  "$check" --device cuda 2>"$work/said" || status=$?
  [ $status = 2 ] || fail "exit code $status without a card"
  grep -q 'not run: no GPU' "$work/said" || fail "no sentence about the missing card"
fi
echo "gpu_check_test: passed"
