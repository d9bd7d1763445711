#!/usr/bin/env bash
# From a fresh clone to the demo's table and page: set-up, the release build of what `clbench demo` needs, the demo.
#
#   tools/quickstart.sh [--cuda]        --cuda: LibTorch with GPU support (handed to tools/setup/setup.sh)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
source tools/setup/phases.sh

build=build/release

finish() {
  local status=$?
  print_phases
  [ $status = 0 ] || echo "quickstart: stopped in: ${phase_failed[*]:-the script itself}" >&2
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

phase set-up tools/setup/setup.sh "$@"
phase configure cmake --preset release
phase build cmake --build $build -j "$(nproc)" --target clb_demo
phase demo $build/bin/clbench demo --db $build/demo.sqlite --out $build/demo
