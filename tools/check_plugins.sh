#!/usr/bin/env bash
# What a built plugin may show and need: exactly the two exported symbols of its kind, no library beyond those that every machine with
# PyTorch has, at most 2 MB. No program or plugin names the folder that it was built in.
#
#   tools/check_plugins.sh BUILD_OR_PREFIX
set -euo pipefail
prefix=${1:?usage: tools/check_plugins.sh BUILD_OR_PREFIX}
folder=$prefix/lib/clbench
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
limit=2000000
runtime='libstdc++.so.6 libm.so.6 libgcc_s.so.1 libc.so.6 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'
failures=0 checked=0

fail() {
  echo "$1: $2" >&2
  failures=$((failures + 1))
}

check_paths() { # FILE
  if grep -qaF "$root/" "$1"; then fail "$1" "contains the path $root, so that its hash differs from clone to clone"; fi
}

check_plugin() { # FILE ENTRY ALLOWED_LIBRARIES
  local file=$1 entry=$2 allowed=$3 symbols library size
  symbols=$(nm -D --defined-only "$file" | awk '{print $NF}' | sort | xargs)
  [ "$symbols" = "$entry clb_plugin_meta" ] || [ "$symbols" = "clb_plugin_meta $entry" ] ||
    fail "$file" "exports '$symbols', expected exactly '$entry clb_plugin_meta'"
  for library in $(readelf -dW "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    [[ " $allowed " == *" $library "* ]] || fail "$file" "needs $library; allowed: $allowed"
  done
  if readelf -dW "$file" | grep -qE '\((RPATH|RUNPATH)\)'; then fail "$file" "has a library path of its own"; fi
  readelf -SW "$file" | grep -qF '.clb.meta' || fail "$file" "has no section .clb.meta"
  check_paths "$file"
  size=$(stat -c %s "$file")
  [ "$size" -le $limit ] || fail "$file" "is $size bytes, limit $limit"
  printf '  %-60s %8d bytes\n' "${file#"$folder"/}" "$size"
  checked=$((checked + 1))
}

shopt -s nullglob
for file in "$folder"/methods/*.so; do check_plugin "$file" clb_method_v0 "libtorch_cpu.so libc10.so $runtime"; done
for file in "$folder"/datasets/*.so; do check_plugin "$file" clb_dataset_v0 "$runtime"; done
for file in "$prefix"/bin/clbench "$prefix"/bin/clb-runner; do [ ! -e "$file" ] || check_paths "$file"; done

[ $checked -gt 0 ] || fail "$folder" "no plugin found"
echo "$checked plugins checked, $failures failures"
[ $failures = 0 ]
