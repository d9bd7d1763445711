#!/usr/bin/env bash
# Builds the wheel: the installed prefix (programs, plugins, share, headers, CMake package) inside the Python package of tools/python. Nothing
# of PyTorch is in it; the programs take LibTorch from the PyTorch that pip installs beside it.
#
#   tools/wheel.sh [--prefix DIR] [--out DIR]
#
#   --prefix DIR    pack this installed prefix (cmake --install BUILD --prefix DIR --strip) and build nothing
#   --out DIR       where the wheel goes (default: build/wheel)
#
# The last line that it prints is the wheel's path. Equal prefixes give equal wheels: the time in it is SOURCE_DATE_EPOCH, by default that of
# the commit.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/setup/versions.env"
platform=manylinux_2_36_x86_64 # glibc of Debian 12, where it is built
limit=60000000

fail() {
  echo "wheel.sh: $*" >&2
  exit 2
}

prefix='' out=$root/build/wheel
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --out) [ -n "${2:-}" ] || fail "$1 needs a folder"; printf -v "${1#--}" %s "$2"; shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "unknown option '$1'; known: --prefix DIR, --out DIR" ;;
  esac
done

# pip brings it along in Debian; it knows the format of wheels, their names and their list of digests.
python=''
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import wheel' 2>/dev/null; then python=$candidate && break; fi
done
[ -n "$python" ] || fail "no python3 has the module wheel; by hand: apt-get install python3-wheel"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$prefix" ]; then
  cmake -S "$root" --preset release
  cmake --build "$root/build/release" -j "$(nproc)"
  prefix=$work/prefix
  cmake --install "$root/build/release" --prefix "$prefix" --strip >/dev/null
fi
for part in bin/clbench bin/clb-runner bin/clb-pretrain lib/clbench/libclb_runner.so lib/clbench/python/start.py; do
  [ -e "$prefix/$part" ] || fail "$prefix holds no $part; give an installed prefix"
done

# The tag is a promise: no library but PyTorch's and those that every Linux with this glibc has, in the versions of Debian 12.
everywhere='libc.so.6 libm.so.6 libstdc++.so.6 libgcc_s.so.1 ld-linux-x86-64.so.2 libtorch_cpu.so libc10.so'
mapfile -t binaries < <(find "$prefix/bin" "$prefix/lib" -type f \( -perm -u+x -o -name '*.so' \))
# Lines "NEED FILE", each need once: a library, or the version of a symbol.
needs() {
  readelf -dVW "${binaries[@]}" | awk '
    /^File: / { file = substr($0, 7) }
    /\(NEEDED\)/ { gsub(/[\[\]]/, "", $NF); if (!seen[$NF]++) print $NF, file }
    match($0, /Name: (GLIBC|GLIBCXX|CXXABI)_[0-9.]+/) { name = substr($0, RSTART + 6, RLENGTH - 6); if (!seen[name]++) print name, file }'
}
while read -r need file; do
  case $need in
    GLIBC_*) newest=GLIBC_2.36 ;;
    GLIBCXX_*) newest=GLIBCXX_3.4.30 ;;
    CXXABI_*) newest=CXXABI_1.3.13 ;;
    *)
      [[ " $everywhere " == *" $need "* ]] || [[ " ${binaries[*]##*/} " == *" $need "* ]] || fail "$file needs $need, which is neither PyTorch's nor everywhere"
      continue
      ;;
  esac
  printf '%s\n' "$need" $newest | sort -VC || fail "$file needs $need, newer than $newest of $platform; build on Debian 12"
done < <(needs)

version=$("$prefix/bin/clbench" --version | sed -n '1s/^clbench \([0-9.]*\).*/\1/p')
[ -n "$version" ] || fail "$prefix/bin/clbench does not say its version"
torch=${TORCH_VERSION%.*}

stage=$work/stage/clbench-$version
info=$stage/clbench-$version.dist-info
mkdir -p "$info/licenses" "$work/out"
cp -R "$prefix/lib/clbench/python/clbench" "$stage/clbench" # once for `import clbench`; where it was, start.py of any Python finds it
cp -R "$prefix" "$stage/clbench/prefix"
find "$stage" -name __pycache__ -prune -exec rm -rf {} +
rm -rf "$stage/clbench/prefix/lib/libtorch" # a link to the LibTorch of the build
[ -z "$(find "$stage" -type l)" ] || fail "a wheel holds no links, but $prefix has some: $(find "$stage" -type l | head -3 | xargs)"
printf '# Written by tools/wheel.sh.\nTORCH = "%s"  # the LibTorch that the programs were built with\n' "$torch" >"$stage/clbench/_built.py"

filled() { sed "s/@VERSION@/$version/; s/@TORCH@/$torch/; s/@PLATFORM@/$platform/" "$root/tools/wheel/$1.in"; }
filled METADATA >"$info/METADATA"
filled WHEEL >"$info/WHEEL"
cp "$root/tools/wheel/entry_points.txt" "$info/"
cp "$root/LICENSE" "$info/licenses/"
# What is linked into the programs keeps its licence.
sed -n '/^# libraries, linked statically/,/^$/s/^\([a-z0-9.+-]*\).*/\1/p' "$root/tools/setup/packages.txt" | while read -r package; do
  [ ! -e "/usr/share/doc/$package/copyright" ] || cp -L "/usr/share/doc/$package/copyright" "$info/licenses/$package.txt"
done

chmod -R u=rwX,go=rX "$stage"
: "${SOURCE_DATE_EPOCH:=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 315532800)}"
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH "$python" -m wheel pack "$stage" --dest-dir "$work/out" >/dev/null
wheel=clbench-$version-py3-none-$platform.whl
size=$(stat -c %s "$work/out/$wheel")
[ "$size" -lt $limit ] || fail "$wheel has $size bytes, more than $limit"
mkdir -p "$out"
cp "$work/out/$wheel" "$out/.$wheel.part"
mv "$out/.$wheel.part" "$out/$wheel"
echo "$size bytes"
echo "$(cd "$out" && pwd)/$wheel"
