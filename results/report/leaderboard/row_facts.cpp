#include "row_facts.hpp"

#include <clb/meta.h>

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <set>

namespace clb::report {
namespace {

constexpr const char* kFrozenNearestMean = "simplecil";

std::string short_hash(const std::string& text) { return base::hex(base::sha256(text)).substr(0, 10); }

std::string plural(size_t n, const std::string& one) { return std::to_string(n) + " " + one + (n == 1 ? "" : "s"); }

}  // namespace

std::string table_id(const Table& table) { return "t-" + short_hash(table.key + "\n" + joined(table.heading)); }

std::string table_name(const Report& report, const Table& table) {
  const std::string name = short_name(table);
  const auto same = std::ranges::count_if(report.tables, [&](const Table& other) { return short_name(other) == name; });
  return same > 1 ? name + " " + table_id(table).substr(2, 4) : name;
}

std::string row_id(const Table& table, const Section& section, const TableRow& row) {
  std::string what =
      table.key + "\n" + joined(table.heading) + "\n" + section.key + "\n" + section.title + "\n" + row.method + "\n" + row.precision;
  if (row.runs.empty()) {
    what += "\n" + row.setting + "\n" + row.citation + "\n" + section.weights;
  } else {
    const store::RunRow& run = row.runs.front().run;
    what += "\n" + run.config_key + "\n" + run.planned_device + "\n" + std::to_string(run.threads) + (run.joint ? "\njoint" : "");
  }
  return "r-" + short_hash(what);
}

Level level_of(const TableRow& row, const LeaderboardOptions& options) {
  if (row.imported) return {"imported", "measured elsewhere, in the words of its source: " + row.citation, ""};
  bool submitted = false;
  size_t same = 0;
  std::string first_difference;
  for (const RunResult& result : row.runs) {
    submitted = submitted || options.submitted.contains(result.run.uuid);
    if (!options.recounted) continue;
    const auto found = options.recounted->find(result.run.key);
    const std::string why = found == options.recounted->end() ? "not audited" : found->second;
    same += why.empty();
    if (!why.empty() && first_difference.empty()) first_difference = why;
  }
  Level level{submitted ? "submitted" : "run here",
              submitted ? "runs of somebody else, merged into this database" : "runs of whoever made this page", ""};
  if (!options.recounted) return level;
  level.recount = "audited: " + std::to_string(same) + " of " + plural(row.runs.size(), "run") + " recounted";
  if (!first_difference.empty()) level.recount += " (" + first_difference + ")";
  if (submitted && same == row.runs.size())
    level = {"audited", "runs of somebody else, recounted here from their predictions when this page was made", level.recount};
  return level;
}

int64_t finished_runs(const TableRow& row) {
  int64_t most = 0;
  if (row.imported) {
    for (const Cell& cell : row.cells)
      if (cell.summary) most = std::max(most, cell.summary->n);
    return most;
  }
  return std::ranges::count_if(row.runs, [](const RunResult& run) { return run.ok(); });
}

bool complete(const TableRow& row) { return !row.imported && finished_runs(row) == static_cast<int64_t>(row.runs.size()); }

std::string run_count(const TableRow& row) {
  const auto done = static_cast<size_t>(finished_runs(row));
  if (row.imported || done < row.runs.size())
    return row.imported ? plural(done, "run") : std::to_string(done) + " of " + plural(row.runs.size(), "run");
  std::set<int64_t> seeds, orders;
  for (const RunResult& result : row.runs) seeds.insert(result.run.seed), orders.insert(result.run.order_seed);
  if (orders.size() < 2 || seeds.size() * orders.size() != row.runs.size()) return plural(done, "run");
  return plural(done, "run") + " (" + plural(seeds.size(), "seed") + " × " + plural(orders.size(), "class order") + ")";
}

Uses uses_of(const TableRow& row) {
  if (row.runs.empty()) return {};
  const uint64_t may = row.runs.front().run.capabilities;
  return {may & CLB_CAP_RAW_REPLAY ? "1" : "0", may & CLB_CAP_TEXT_TOWER ? "1" : "0"};
}

std::optional<double> gain(const Table& table, const Section& section, const TableRow& row) {
  if (row.imported || row.method == kFrozenNearestMean || !row.cells.front().summary) return std::nullopt;
  for (const Section& other : table.sections) {
    if (other.key != section.key || !other.title.empty()) continue;
    for (const TableRow& base : other.rows)
      if (base.method == kFrozenNearestMean && !base.imported && base.cells.front().summary)
        return 100 * (row.cells.front().summary->mean - base.cells.front().summary->mean);
  }
  return std::nullopt;
}

}  // namespace clb::report
