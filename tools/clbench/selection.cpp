#include "selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <cstdio>
#include <set>

namespace clb::cli {

Shard parse_shard(const std::string& text) {
  Shard shard;
  int end = 0;
  if (text.empty()) return shard;
  if (std::sscanf(text.c_str(), "%9ld/%9ld%n", &shard.index, &shard.count, &end) != 2 || static_cast<size_t>(end) != text.size() ||
      shard.index < 1 || shard.index > shard.count) {
    throw base::Error(fmt::format("--shard takes K/N with K from 1 to N, for example 2/8, not '{}'", text));
  }
  return shard;
}

namespace {

// The interrupted attempt of a run that can go on: same plugin and runner, and it left a checkpoint.
std::optional<int64_t> resumable(const base::RunSpec& spec, const store::Store& store, const std::string& plugin_hash,
                                 const std::string& runner_hash, const std::filesystem::path& runs_folder) {
  if (spec.checkpoint != "every") return std::nullopt;
  const auto attempt = store.interrupted(spec.key(), plugin_hash, runner_hash);
  std::error_code error;
  if (!attempt || !std::filesystem::exists(runs_folder / store.attempt_uuid(*attempt) / "checkpoint", error)) return std::nullopt;
  return attempt;
}

}  // namespace

Selection select(const std::vector<base::RunSpec>& planned, const SelectOptions& options, const store::Store* store,
                 const std::filesystem::path& runs_folder, launch::Describer& describer) {
  Selection selection;
  std::set<std::string> seen;
  int64_t position = 0;
  for (const base::RunSpec& spec : planned) {
    const std::string key = spec.key();
    if (!seen.insert(key).second || position++ % options.shard.count != options.shard.index - 1) continue;
    selection.runs.push_back(spec);
    const std::string plugin_hash = store ? describer.method_hash(spec) : "";
    const bool same = store && store->finished(key, plugin_hash, describer.runner_hash(), false);
    const bool other = store && !same && store->finished(key, plugin_hash, describer.runner_hash(), true);
    if (!options.again && (same || (other && options.any_build))) {
      selection.finished += same;
      selection.finished_by_other_builds += other;
      continue;
    }
    selection.only_other_builds += other;
    selection.pending.push_back(selection.runs.size() - 1);
    if (!store || options.again) continue;
    if (const auto attempt = resumable(spec, *store, plugin_hash, describer.runner_hash(), runs_folder))
      selection.resumed[selection.pending.back()] = *attempt;
  }
  return selection;
}

}  // namespace clb::cli
