#!/usr/bin/env bash
# Makes this machine ready to build clbench: Debian packages of packages.txt and LibTorch of versions.env. Run again at will: what is there
# is only looked at.
#
#   tools/setup/setup.sh [--cuda] [--tests]
#
#   --cuda               LibTorch with everything a GPU needs (several GB) instead of the CPU part
#   --tests              also what only tools/test.sh needs: packages_tests.txt, and third_party/python, a Python with torch
#   CLB_LIBTORCH=DIR     use this LibTorch and download none
#   CLB_PYTHON=PYTHON    take this Python for the tests, and make none
#   CLB_LIBTORCH_HOME    folder to install LibTorch into (default: third_party/libtorch of the tree)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$here/versions.env"
source "$here/libtorch.sh"
source "$here/python.sh"

kind=cpu
tests=no
lists=("$here/packages.txt")
for arg in "$@"; do
  case $arg in
    --cuda) kind=cuda ;;
    --tests) tests=yes lists+=("$here/packages_tests.txt") ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown option '$arg'; known: --cuda, --tests" >&2; exit 2 ;;
  esac
done

packages() { sed 's/#.*//' "${lists[@]}" | tr -s ' \t' '\n' | sed '/^$/d'; }

# Lines "name version" of the packages of the list that are installed.
installed() {
  packages | xargs dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' 2>/dev/null | sed -n 's/^installed //p' || true
}

missing() { comm -23 <(packages | sort -u) <(installed | cut -d' ' -f1 | sort -u); }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local want
  want=$(missing | xargs)
  [ -n "$want" ] || return 0
  echo "Debian packages to install: $want"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "setup.sh: these packages are missing and there is no sudo; as root run: apt-get install $want" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q || true # an unreachable source need not be one that we use
  # shellcheck disable=SC2086
  as_root apt-get install -q -y --no-install-recommends $want || true
  want=$(missing | xargs)
  [ -z "$want" ] && return 0
  echo "setup.sh: Debian packages still missing (no network, or not Debian 12?): $want; by hand: apt-get install $want" >&2
  return 1
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup.sh: this is no Debian system; install the equivalents of ${lists[*]} by hand, then run cmake" >&2
  exit 1
fi
install_packages
echo "Debian packages, $(packages | wc -l) of $(packages | wc -l) installed:"
installed | awk '{printf "  %s %s\n", $1, $2}' | column -c 140 2>/dev/null || installed

if [ -n "${CLB_LIBTORCH:-}" ]; then
  if [ ! -e "$CLB_LIBTORCH/lib/libtorch_cpu.so" ]; then
    echo "setup.sh: CLB_LIBTORCH=$CLB_LIBTORCH holds no lib/libtorch_cpu.so; give the folder that has include/ and lib/, or unset it" >&2
    exit 1
  fi
  echo "LibTorch: $CLB_LIBTORCH (given by CLB_LIBTORCH, not checked)"
else
  libtorch=${CLB_LIBTORCH_HOME:-$root/third_party/libtorch}
  ensure_libtorch "$libtorch" "$kind"
fi

[ $tests = yes ] || exit 0
if [ -n "${CLB_PYTHON:-}" ]; then
  echo "Python for the tests: $CLB_PYTHON (given by CLB_PYTHON, not checked)"
elif [ -n "${CLB_LIBTORCH:-}" ]; then
  echo "Python for the tests: none, because LibTorch is given by CLB_LIBTORCH; CLB_PYTHON names one that has torch $TORCH_VERSION"
else
  ensure_test_python "$root/third_party/python" "$(cd "$libtorch" && pwd)"
fi
