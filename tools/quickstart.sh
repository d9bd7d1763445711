#!/usr/bin/env bash
# From a fresh clone to a first table: set-up, the release build of what the demo needs, SimpleCIL on Fashion-MNIST.
#
#   tools/quickstart.sh [--cuda]        --cuda: LibTorch with GPU support (handed to tools/setup/setup.sh)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
source tools/setup/phases.sh

build=build/release
database=$build/quickstart.sqlite
experiment=share/experiments/quickstart_fashion_mnist.toml

finish() {
  local status=$?
  [ $status = 0 ] || { print_phases; echo "quickstart: stopped in: ${phase_failed[*]:-the script itself}" >&2; }
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

phase set-up tools/setup/setup.sh "$@"
phase configure cmake --preset release
phase build cmake --build $build -j "$(nproc)" --target clbench clb-runner clb_share method_simplecil dataset_fashion_mnist
phase demo $build/bin/clbench run $experiment --db $database
print_phases

cat <<TEXT

The results are in $database. To go on:
  $build/bin/clbench list                              # methods and datasets of this build
  $build/bin/clbench info simplecil                    # parameters, capabilities, paper
  $build/bin/clbench run $experiment --db $database --set 'run.seed=[0,1,2]'
TEXT
