#!/usr/bin/env bash
# The program itself: signals, help, mistakes.
#
#   program_test.sh CLB_PRETRAIN
set -euo pipefail
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() { echo "$1" >&2; exit 1; }

expect() { # EXIT_CODE TEXT COMMAND...
  local wanted=$1 text=$2 code=0
  shift 2
  "$@" >out.txt 2>&1 || code=$?
  [ $code = "$wanted" ] || fail "exit code $code, expected $wanted, of: $*"$'\n'"$(cat out.txt)"
  grep -qF -- "$text" out.txt || fail "'$text' is not in the output of: $*"$'\n'"$(cat out.txt)"
}

cat >tiny.toml <<'RECIPE'
[images]
classes = 4
[network]
patch = 8
dim = 32
depth = 1
heads = 2
[training]
images = 320000
batch_size = 32
RECIPE

expect 0 "clb-pretrain train" "$program" --help
expect 0 "example:" "$program" train --help
expect 0 "example:" "$program" draw --help
expect 0 "example:" "$program" evaluate --help
expect 0 "example:" "$program" vocabulary --help
expect 2 "a recipe is missing" "$program" train --out x
expect 2 "did you mean --resume" "$program" train tiny.toml --out x --resum
expect 2 "--out" "$program" train tiny.toml
expect 2 "there is no command 'trian'" "$program" trian
expect 2 "no table [network.text]" "$program" evaluate tiny.toml --weights x
expect 2 "no.toml" "$program" train no.toml --out x
expect 2 "nothing to write" "$program" draw tiny.toml
expect 2 "go beyond" "$program" draw tiny.toml --of classes --count 5 --sheet x.png

"$program" draw tiny.toml --count 4 --columns 2 --sheet sheet.png --captions captions.jsonl
[ "$(wc -l <captions.jsonl)" = 4 ] || fail "expected 4 captions"

# What it did not write stays; what it wrote is replaced.
"$program" draw tiny.toml --count 2 --columns 2 --sheet sheet.png --captions captions.jsonl
echo mine >thesis.txt
mkdir foreign && echo mine >foreign/curve.jsonl
expect 2 "is not a sheet that clb-pretrain drew" "$program" draw tiny.toml --count 2 --sheet thesis.txt
expect 2 "is not a file of captions" "$program" draw tiny.toml --count 2 --captions thesis.txt
expect 2 "itself needs" "$program" draw tiny.toml --count 2 --sheet tiny.toml --force
expect 2 "itself needs" "$program" draw tiny.toml --count 2 --sheet both --captions both
expect 2 "is not a weight file that clb-pretrain wrote" "$program" train tiny.toml --out thesis.txt
expect 2 "is not a curve that clb-pretrain wrote" "$program" train tiny.toml --out new.safetensors --folder foreign
expect 2 "itself needs" "$program" train tiny.toml --out w.run/checkpoint.safetensors --folder w.run --force
[ "$(cat thesis.txt foreign/curve.jsonl)" = $'mine\nmine' ] || fail "a file of somebody else was replaced"
[ ! -e thesis.txt.run ] || fail "a folder was made for a training that was refused"

# SIGTERM: a checkpoint and the way on.
"$program" train tiny.toml --out w.safetensors >stopped.txt 2>&1 &
pid=$!
for _ in $(seq 600); do [ -s w.safetensors.run/curve.jsonl ] && break; sleep 0.1; done
kill -TERM $pid
code=0; wait $pid || code=$?
[ $code = 75 ] || fail "exit code $code after SIGTERM"$'\n'"$(cat stopped.txt)"
grep -qF -- "--resume goes on" stopped.txt || fail "$(cat stopped.txt)"
[ -s w.safetensors.run/checkpoint.safetensors ] || fail "no checkpoint after SIGTERM"
[ ! -e w.safetensors ] || fail "weights of an unfinished training"
echo ok
