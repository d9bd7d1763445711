# shellcheck shell=bash
# Timed phases for the scripts of tools/; sourced. `phase NAME COMMAND...` prints the command, runs it and remembers time and outcome.
phase_times=()
phase_failed=()

phase() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '\n=== %s: %s\n' "$name" "$*"
  "$@" || status=$?
  phase_times+=("$(printf '%6d s  %-8s %s' $((SECONDS - start)) "$([ $status = 0 ] && echo ok || echo FAILED)" "$name")")
  [ $status = 0 ] || phase_failed+=("$name")
  return $status
}

print_phases() {
  printf '\n=== time of each phase\n'
  printf '%s\n' "${phase_times[@]}"
}

# tree_files PATTERN...: files of the working tree that Git tracks or would track.
tree_files() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }
