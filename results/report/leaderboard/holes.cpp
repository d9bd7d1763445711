// What a table lacks.
#include <algorithm>
#include <set>

#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

constexpr int64_t kEnoughSeeds = 3;
constexpr size_t kShownHoles = 100;

}  // namespace

// Where there should be a number and is none.
Json holes_of(const Board& board, const Table& table) {
  std::set<std::string> here, everywhere;
  Json holes = Json::array();
  for (const Table& other : board.report.tables)
    for (const Section& section : other.sections)
      for (const TableRow& row : section.rows)
        if (!row.imported) (&other == &table ? here : everywhere).insert(row.method);
  for (const Section& section : table.sections) {
    for (const TableRow& row : section.rows) {
      if (row.imported) continue;  // nobody was to run it here
      const auto good = std::ranges::count_if(row.runs, [](const RunResult& run) { return run.ok(); });
      if (good < static_cast<int64_t>(row.runs.size()))
        holes.push_back(row_label(row) + ": " + std::to_string(static_cast<int64_t>(row.runs.size()) - good) + " of " +
                        std::to_string(row.runs.size()) + " runs have no result");
      if (good < kEnoughSeeds)
        holes.push_back(row_label(row) + ": " + std::to_string(good) + (good == 1 ? " run" : " runs") + ", an interval needs three");
    }
  }
  std::string missing;
  for (const std::string& method : everywhere)
    if (!here.contains(method)) missing += (missing.empty() ? "" : ", ") + method;
  if (holes.size() > kShownHoles) {
    const size_t more = holes.size() - kShownHoles;
    holes.erase(holes.begin() + kShownHoles, holes.end());
    holes.push_back(std::to_string(more) + " more");
  }
  if (!missing.empty()) holes.push_back("methods of other tables that were not run here: " + missing);
  return holes;
}

}  // namespace clb::report
