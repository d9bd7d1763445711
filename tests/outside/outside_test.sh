#!/usr/bin/env bash
# What a third party does: takes an installed clbench that was moved, makes a method and a dataset with `clbench new`, builds, tests and runs
# them. Nothing but LibTorch, behind the prefix's link, comes from this tree; at the end the build tree takes the place of the prefix.
#
#   outside_test.sh BUILD        BUILD: a finished build tree
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:?usage: outside_test.sh BUILD}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/installed" >/dev/null
mv "$work/installed" "$work/moved prefix"
! grep -rF "$root/" "$work/moved prefix/lib/cmake" || fail "the installed package names $root"
prefix="$work/moved prefix"
clbench=$prefix/bin/clbench
libtorch=$(realpath "$prefix/lib/libtorch")

# No variable of the caller leads back.
unset CLB_LIBTORCH CLB_PLUGIN_PATH CMAKE_PREFIX_PATH CPATH LIBRARY_PATH LD_LIBRARY_PATH
export CLB_CACHE=$work/cache
mkdir "$work/projects"
cd "$work/projects"

for kind in method dataset; do
  echo "=== a $kind"
  project=my_$kind plugins=my_$kind/build/lib/clbench/${kind}s
  "$clbench" new $kind $project
  cmake -S $project -B $project/build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
  cmake --build $project/build 2>&1 | tee build.log
  ! grep -q 'warning:' build.log || fail "the build of the template is not free of warnings"
  ctest --test-dir $project/build --output-on-failure

  "$clbench" list ${kind}s --plugin-path $plugins | tee list.txt
  grep -q "^$project " list.txt || fail "clbench list does not show $project"
  "$root/tools/check_plugins.sh" $project/build
  for place in "$root" "$work"; do
    ! grep -qaF "$place/" $plugins/$project.so || fail "$project.so names the folder $place"
  done
  # LibTorch may lie in the tree; its real path is named where it is taken out of the binary.
  ! sed "s|$libtorch/||g" $project/build/compile_commands.json $project/build/CMakeCache.txt | grep -F "$root/" ||
    fail "the build of $project looks into $root"
done

echo "=== validated"
for distance in euclidean cosine; do
  "$clbench" validate my_method/build/lib/clbench/methods/my_method.so --set distance=$distance
done

if "${CLB_PYTHON:-python3}" "$prefix/lib/clbench/python/start.py" versions; then
  echo "=== a method in Python"
  "$clbench" new method --python my_python
  bash my_python/test.sh "$clbench" my_python
  "$clbench" validate my_python/my_python.py
  [ ! -e my_python/__pycache__ ] || fail "Python left its bytecode in the project"
else
  echo "SKIPPED: a method in Python outside the tree needs a Python with torch and numpy; CLB_PYTHON names one"
fi

echo "=== both together"
mkdir data
printf '%s\n' a b c d >data/classes.txt
for split in train test; do
  for class in 0 1 2 3 0 1 2 3; do
    printf "\\$class"
    head -c 3072 /dev/urandom
  done >data/$split.bin
done
"$clbench" validate my_dataset/build/lib/clbench/datasets/my_dataset.so --root "$PWD/data"
"$clbench" run my_dataset/experiment.toml --set "dataset.root=$PWD/data" --set 'method={ id = "my_method" }' --db both.sqlite \
  --plugin-path my_method/build/lib/clbench/methods --plugin-path my_dataset/build/lib/clbench/datasets | tee table.txt
grep -q '^my_method ' table.txt || fail "the run did not end in a row"

echo "=== methods made of nn's bricks"
mkdir bricks
cp "$root"/tests/bricks/{gpm,olora}.cpp bricks/
printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(bricks LANGUAGES CXX)' 'find_package(clbench REQUIRED)' \
  'add_compile_options(-Wall -Wextra -Wpedantic)' 'clb_add_method(gpm gpm.cpp)' 'clb_add_method(olora olora.cpp)' >bricks/CMakeLists.txt
cmake -S bricks -B bricks/build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix"
cmake --build bricks/build 2>&1 | tee build.log
! grep -q 'warning:' build.log || fail "the build of the methods is not free of warnings"
for method in gpm olora; do
  "$clbench" run my_dataset/experiment.toml --set "dataset.root=$PWD/data" --set "method={ id = \"$method\", train_transform = \"micro-32\", \
    params = { epochs = 1, batch_size = 4 } }" --db bricks.sqlite \
    --plugin-path bricks/build/lib/clbench/methods --plugin-path my_dataset/build/lib/clbench/datasets | tee table.txt
  grep -q "^$method " table.txt || fail "the run of $method did not end in a row"
done

echo "=== installed beside the others"
for kind in method dataset; do cmake --install my_$kind/build --prefix "$prefix" >/dev/null; done
"$clbench" list | tee list.txt
[ "$(grep -c '^my_' list.txt)" = 2 ] || fail "an installed plugin is not listed"

echo "=== a forgotten library"
sed 's|^namespace {|extern "C" int defined_in_a_library_that_nobody_links();\nnamespace {|
  s|void open(const clb::Path& root) override {|&\n    defined_in_a_library_that_nobody_links();|' my_dataset/my_dataset.cpp >forgotten.cpp
cp forgotten.cpp my_dataset/my_dataset.cpp
if cmake --build my_dataset/build >forgotten.log 2>&1; then fail "a plugin with an undefined symbol was built"; fi
grep -q 'undefined.*defined_in_a_library_that_nobody_links' forgotten.log || fail "the build does not name it: $(cat forgotten.log)"
sed -i '/defined_in_a_library_that_nobody_links/d' my_dataset/my_dataset.cpp

echo "=== against the build tree"
cmake -S my_dataset -B in_tree -Dclbench_DIR="$build/lib/cmake/clbench"
cmake --build in_tree
ctest --test-dir in_tree --output-on-failure
echo "passed"
