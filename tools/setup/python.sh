# shellcheck shell=bash
# A Python for the tests, with the torch that LibTorch came in; sourced by setup.sh after libtorch.sh.
#
# The CPU part of LibTorch lacks the GPU's libraries, some 3 GB, which torch's module for Python asks for without a GPU, too, and never calls
# then. Stand-ins have their names and no code, and are loaded before torch is.
python_stamp=.clb-verified

# ensure_test_python FOLDER LIBTORCH_HOME
ensure_test_python() {
  local folder=$1 libtorch=$2 wanted
  wanted=$(cat "$here/python.sh" "$here/python_tests.txt" <(echo "$libtorch") "$libtorch/$libtorch_stamp" 2>/dev/null | sha256sum)
  if [ "$(cat "$folder/$python_stamp" 2>/dev/null)" != "$wanted" ]; then
    if [ -e "$folder" ] && [ ! -e "$folder/$python_stamp" ]; then
      echo "setup.sh: $folder was not made by set-up and is not replaced; move it away" >&2
      return 1
    fi
    make_test_python "$folder" "$libtorch" "$wanted" || return 1
  fi
  echo "Python for the tests: $folder/bin/python3"
}

# Filled beside its place and renamed, as LibTorch is.
make_test_python() {
  local folder=$1 libtorch=$2 wanted=$3 python part site
  python=$(python_with_pip) || return 1
  part=$(mktemp -d "$folder.$(uname -n).$$.XXXXXXXX") || return 1
  # shellcheck disable=SC2064 # this name, now
  trap "$(printf 'rm -rf %q' "$part")" EXIT
  chmod "$(printf %o $((0777 & ~$(umask))))" "$part"
  echo "Python for the tests: $python -m venv, and pip install -r $here/python_tests.txt"
  if ! "$python" -m venv "$part" || ! "$part/bin/python3" -m pip install --disable-pip-version-check -q -r "$here/python_tests.txt"; then
    echo "setup.sh: the tests' Python could not be made (see above); CLB_PYTHON=PYTHON names one of your own that has torch $TORCH_VERSION" >&2
    return 1
  fi
  site=$("$part/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  make_stand_ins "$libtorch/torch/lib" "$site/gpu_stand_ins" || return 1
  printf '%s\nimport gpu_stand_ins\n' "$libtorch" >"$site/libtorch.pth"
  if ! "$part/bin/python3" -c 'import torch; print("torch", torch.__version__, "can be imported")'; then
    echo "setup.sh: $part/bin/python3 cannot import the torch of $libtorch; CLB_PYTHON=PYTHON names a Python of your own that has it" >&2
    return 1
  fi
  echo "$wanted" >"$part/$python_stamp"
  rm -rf "$folder"
  mv -T "$part" "$folder"
}

# Libraries of a GPU, by their names, that torch's module for Python asks for and that LibTorch's folder does not hold.
missing_gpu_libraries() {
  ldd "$1/libtorch_python.so" | awk -v home="$(cd "$1/../.." && pwd)/" '$1 ~ /^lib(cu|nccl|nv)/ && index($3, home) != 1 {print $1}' | sort -u
}

# make_stand_ins FOLDER_OF_LIBTORCH PACKAGE: a package that loads the stand-ins that lie in it.
make_stand_ins() {
  local lib name package=$2 source asking
  lib=$(cd "$1" && pwd)
  mkdir -p "$package"
  cat >"$package/__init__.py" <<'END'
import ctypes, glob, os

for file in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.so.*"))):
    ctypes.CDLL(file)
END
  [ -e "$lib/libtorch_cuda.so" ] || return 0 # a torch without CUDA asks for none
  asking=("$lib"/libtorch_{python,cuda,nvshmem}.so "$lib/libc10_cuda.so")
  source=$(mktemp -d)
  gpu_functions "${asking[@]}" | sed 's/.*/int &(void) { return 1; }/' >"$source/functions.c" # 1 is an error for every one of them
  for name in $(missing_gpu_libraries "$lib"); do
    echo "$(version_of_symbols "$name" "${asking[@]}") { global: *; };" >"$source/versions"
    gcc -shared -fPIC -w -Wl,-soname,"$name" -Wl,--version-script="$source/versions" -o "$package/$name" "$source/functions.c" || return 1
  done
  rm -r "$source"
}

# What these libraries take from others; the runtime and the profiler lie beside them.
gpu_functions() {
  nm -D --undefined-only "$@" | awk '$1 == "U" {print $2}' | grep -E '^(cu|nccl|nv)' | grep -vE '@(libcudart|libcupti)' | sed 's/@.*//' | sort -u
}

# version_of_symbols NAME LIBRARY...: that of the library NAME as these want it; readelf has it in the line after "File: NAME".
version_of_symbols() {
  readelf -VW "${@:2}" | awk -v file="File: $1 " 'on {version = $3} {on = index($0, file)} END {print version ? version : "NONE"}'
}
