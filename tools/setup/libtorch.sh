# shellcheck shell=bash
# LibTorch from PyTorch's wheel; sourced by setup.sh after versions.env.
#
# The stamp file is written last, after verification: a folder without it was not filled by set-up. It may be used, and is not replaced.
libtorch_stamp=.clb-verified

# ensure_libtorch FOLDER cpu|cuda
ensure_libtorch() {
  local home=$1 kind=$2
  if [ ! -e "$home/$libtorch_stamp" ] && [ -d "$home/torch" ]; then
    echo "LibTorch in $home has no stamp of set-up; verifying it"
    if [ "$kind" = cpu ] && verify_libtorch "$home" cpu; then return 0; fi
    echo "setup.sh: $home was not filled by set-up and is not what is needed; it is not replaced, give an empty or new folder" >&2
    return 1
  fi
  if ! libtorch_is "$home" "$kind"; then
    download_libtorch "$home" "$kind" || return 1
  fi
  echo "LibTorch: $(cat "$home/$libtorch_stamp") in $home"
}

stamp_libtorch() { echo "torch $TORCH_VERSION $2" >"$1/$libtorch_stamp"; }

# The full set serves where the CPU part is asked for.
libtorch_is() {
  local stamp
  stamp=$(cat "$1/$libtorch_stamp" 2>/dev/null) || return 1
  [ -e "$1/torch/lib/libtorch_cpu.so" ] || return 1
  [ "$stamp" = "torch $TORCH_VERSION $2" ] || [ "$stamp" = "torch $TORCH_VERSION cuda" ]
}

# A folder beside the target is filled and renamed, so that an interrupted download leaves nothing that looks finished. Its name is its own:
# set-ups on several hosts may fill one target.
download_libtorch() {
  local home=$1 kind=$2 part python log
  local wheels=("torch==$TORCH_VERSION")
  [ "$kind" = cuda ] || wheels+=("nvidia-cuda-runtime==$CUDA_RUNTIME_VERSION" "nvidia-cuda-cupti==$CUDA_CUPTI_VERSION" --no-deps)
  if [ -e "$home" ] && [ ! -e "$home/$libtorch_stamp" ] && [ -n "$(ls -A "$home")" ]; then
    echo "setup.sh: $home holds something other than LibTorch; it is not overwritten, give an empty or new folder" >&2
    return 1
  fi
  python=$(python_with_pip) || return 1
  mkdir -p "$(dirname "$home")"
  part=$(mktemp -d "$home.$(uname -n).$$.XXXXXXXX") || return 1
  chmod "$(printf %o $((0777 & ~$(umask))))" "$part"
  log=$part.log
  # shellcheck disable=SC2064 # these names, now
  trap "$(printf 'rm -rf %q %q' "$part" "$log")" EXIT
  echo "LibTorch: $python -m pip install --target $part ${wheels[*]}"
  if ! "$python" -m pip install --disable-pip-version-check --root-user-action ignore --no-compile --target "$part" "${wheels[@]}" 2>&1 | tee "$log"; then
    echo "setup.sh: LibTorch could not be downloaded ($(grep -m1 -i error "$log" || echo "see above")); by hand: on a machine with a" \
      "network 'pip download ${wheels[*]}', then here the command above with --no-index --find-links DIR" >&2
    return 1
  fi
  verify_libtorch "$part" "$kind" || return 1
  stamp_libtorch "$part" "$kind"
  libtorch_is "$home" "$kind" || rm -rf "$home" # else another set-up has been faster
  mv -T "$part" "$home" 2>/dev/null || libtorch_is "$home" "$kind"
}

python_with_pip() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      echo "$candidate"
      return 0
    fi
  done
  echo "setup.sh: no python3 with pip was found; by hand: apt-get install python3-pip" >&2
  return 1
}

# Versions, and the two libraries against the checksums that the wheel's RECORD gives for them.
verify_libtorch() {
  local home=$1 kind=$2 wheel
  local wheels=("torch-$TORCH_VERSION" "nvidia_cuda_runtime-$CUDA_RUNTIME_VERSION" "nvidia_cuda_cupti-$CUDA_CUPTI_VERSION")
  for wheel in "${wheels[@]}"; do
    if [ ! -e "$home/$wheel.dist-info/RECORD" ]; then
      echo "setup.sh: $home does not hold $wheel" >&2
      return 1
    fi
  done
  local library want found
  for library in libc10.so libtorch_cpu.so; do
    want=$(sed -n "s|^torch/lib/$library,sha256=\([^,]*\),.*|\1|p" "$home/torch-$TORCH_VERSION.dist-info/RECORD")
    found=$(openssl dgst -sha256 -binary "$home/torch/lib/$library" | base64 | tr '+/' '-_' | tr -d '=')
    if [ -z "$want" ] || [ "$want" != "$found" ]; then
      echo "setup.sh: $home/torch/lib/$library is damaged: SHA-256 ${found:-?} (base64), RECORD says ${want:-nothing}" >&2
      return 1
    fi
  done
  echo "LibTorch: $kind set verified (versions; SHA-256 of libc10.so and libtorch_cpu.so)"
}
