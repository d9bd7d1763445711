# An ABI header as it might have looked before the newest member of each struct was appended. Kept whole: structs of a fixed size, and those
# whose last member no version could do without.
BEGIN {
  split("clb_value clb_plugin_meta_t clb_part clb_setting clb_inputs clb_reader clb_writer clb_memory clb_weights_source clb_extractor clb_part_hash " \
        "clb_assets clb_trace", names)
  for (k in names) whole[names[k]] = 1
}
/^typedef struct [a-z_]+ \{$/ && !($3 in whole) {
  inside = 1
  members = 0
  ended = 1
  print
  next
}
inside && /^\}/ {
  for (k = 1; k < members; ++k) printf "%s", member[k]
  print
  inside = 0
  next
}
inside {
  if (ended) member[++members] = ""
  member[members] = member[members] $0 "\n"
  code = $0
  sub(/\/\*.*/, "", code)
  ended = code ~ /;[ ]*$/
  next
}
{ print }
