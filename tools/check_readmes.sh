#!/usr/bin/env bash
# The table "Reproduced against reported" of every method's README is what `clbench table --reference` writes from results/reference.
#
#   tools/check_readmes.sh BUILD            say which READMEs differ
#   tools/check_readmes.sh BUILD --write    write their tables
#
# BUILD: a build tree or an installed prefix. Measured numbers come from results/reference/measured.json, which
# `clbench table --reference --record results/reference/measured.json --db FILE` adds runs to.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ $# -ge 1 ] || { echo "usage: tools/check_readmes.sh BUILD [--write]" >&2; exit 2; }
clbench=$(cd "$1" && pwd)/bin/clbench
cd "$root"
begin='<!-- clbench table --reference: written by tools/check_readmes.sh -->'
end='<!-- end of the table -->'
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

failures=0
for readme in plugins/*/README.md; do
  method=$(basename "$(dirname "$readme")")
  "$clbench" table --reference --method "$method" --runs results/reference/measured.json --format markdown >"$scratch/table"
  if [ "$(grep -cxF -e "$begin" -e "$end" "$readme")" != 2 ]; then
    echo "$readme: needs the lines '$begin' and '$end', the table stands between them" >&2
    failures=$((failures + 1))
    continue
  fi
  awk -v begin="$begin" -v end="$end" -v table="$scratch/table" '
    $0 == end { while ((getline line < table) > 0) print line; inside = 0 }
    !inside { print }
    $0 == begin { inside = 1 }' "$readme" >"$scratch/readme"
  if cmp -s "$readme" "$scratch/readme"; then continue; fi
  if [ "${2:-}" = --write ]; then
    cp "$scratch/readme" "$readme"
  else
    diff -u "$readme" "$scratch/readme" | head -20 >&2 || true
    echo "$readme: its table differs; tools/check_readmes.sh $1 --write writes it" >&2
    failures=$((failures + 1))
  fi
done
[ $failures = 0 ] || exit 1
echo "tables of the READMEs are up to date"
