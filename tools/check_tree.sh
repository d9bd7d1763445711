#!/usr/bin/env bash
# What holds for the source tree itself: no path of somebody's machine, files that parse, plugin folders that are complete.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup/phases.sh
failures=0

fail() {
  echo "$1" >&2
  failures=$((failures + 1))
}

# The brackets keep this line from finding itself.
paths=$(tree_files | xargs -d '\n' grep -nIE '(^|[^A-Za-z0-9_.-])/(wor[k]|hom[e]|roo[t]|Users|mn[t])/[A-Za-z0-9_]{2}' || true)
[ -z "$paths" ] || fail "a path of one machine stands in the tree:"$'\n'"$paths"

cmake --list-presets=all >/dev/null || fail "CMakePresets.json does not parse"

parse='
import json, sys, tomllib
for name in sys.stdin.read().split("\n"):
    try:
        if name.endswith(".toml"): tomllib.load(open(name, "rb"))
        elif name.endswith(".json"): json.load(open(name, "rb"))
    except ValueError as error:
        print(f"{name}: {error}")'
broken=$(tree_files '*.toml' '*.json' | python3 -c "$parse")
[ -z "$broken" ] || fail "$broken"

while read -r script; do
  bash -n "$script" || fail "$script: no valid shell script"
  [ -x "$script" ] || [[ $script == tools/setup/* ]] || fail "$script: not executable"
done < <(tree_files '*.sh' .ci/run)

# A plugin folder is one that calls clb_add_method or clb_add_dataset.
while read -r cmake; do
  folder=$(dirname "$cmake")
  [ -e "$folder/README.md" ] || fail "$folder: no README.md"
  compgen -G "$folder/*_test.cpp" >/dev/null || fail "$folder: no *_test.cpp"
  if [[ $folder == plugins/* ]] && ! compgen -G "$folder/presets/*.toml" >/dev/null; then
    grep -qs '^No preset:' "$folder/README.md" || fail "$folder: neither presets/*.toml nor a line 'No preset: REASON' in README.md"
  fi
done < <(grep -lE '^ *clb_add_(method|dataset)\(' plugins/*/CMakeLists.txt datasets/*/CMakeLists.txt 2>/dev/null)

echo "tree checked, $failures failures"
[ $failures = 0 ]
