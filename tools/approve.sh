#!/usr/bin/env bash
# Takes over what the approval tests got last: shows how each text of BUILD/approval differs from the stored one in tests/approval and, with
# --write, copies those that differ. Exit code 1 when something differs and was not copied.
#
#   tools/approve.sh                        # look
#   tools/approve.sh --write                # accept everything
#   tools/approve.sh --write table.text.txt # accept one
#   tools/approve.sh --build build/debug
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/ci write=no names=()
while [ $# -gt 0 ]; do
  case $1 in
    --write) write=yes ;;
    --build) build=${2:?--build needs a folder}; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "tools/approve.sh does not know $1; see tools/approve.sh --help" >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
[ -d "$build/approval" ] || { echo "tools/approve.sh: there is no $build/approval; run the tests first" >&2; exit 2; }
if [ ${#names[@]} = 0 ]; then
  mapfile -t names < <(cd "$build/approval" && find . -type f -printf '%P\n' | sort)
fi

differ=0
for name in "${names[@]}"; do
  got=$build/approval/$name stored=$root/tests/approval/$name
  [ -f "$got" ] || { echo "tools/approve.sh: no test wrote $name into $build/approval" >&2; exit 2; }
  cmp -s "$got" "$stored" && continue
  diff -u --label "stored: $name" --label "got: $name" "$([ -e "$stored" ] && echo "$stored" || echo /dev/null)" "$got" || true
  if [ $write = yes ]; then
    cp "$got" "$stored"
    echo "taken over: tests/approval/$name"
  else
    differ=$((differ + 1))
  fi
done
[ $differ = 0 ] || { echo "$differ text(s) differ; --write takes them over"; exit 1; }
