// What the pages of the leaderboard share.
#pragma once

#include <clb/base/json.hpp>
#include <clb/report/leaderboard.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../model.hpp"
#include "badges.hpp"

namespace clb::report {

// A report together with what was published beside it.
struct Board {
  Report report;
  std::vector<MeasuredRun> measured;
  std::vector<AgainstReference> comparisons;                               // their runs point into `measured`
  std::map<std::string, std::vector<const AgainstReference*>> by_run_key;  // those that a run counts for
  std::map<const TableRow*, std::vector<Badge>> badges;                    // of every row of the report

  std::vector<const AgainstReference*> published(const TableRow& row) const;  // each once
};

// Renders FOLDER/<name>.html.mustache with `values`; text is escaped. Error names the template.
// `content`: HTML that goes in as it is, where the template says {{{content}}}; `values` is text, and foreign.
std::string render_page(const std::filesystem::path& folder, const std::string& name, const base::Json& values,
                        const std::string& content = "");

// JSON that may stand inside <script type="application/json">.
std::string script_json(const base::Json& value);

std::string file_name(const std::string& id);    // letters, digits, '-', '_' and '.' of an id; others as _XX
std::string run_file(const store::RunRow& run);  // "run/0123456789ab.html"

base::Json index_values(const Board& board);
base::Json method_values(const Board& board, const std::string& method);
// title: in "title", for the heading of the page
base::Json run_values(const store::Store& store, const RunResult& result, const TableRow& row, const WeightNames& names);

// The pieces of a row that index and method pages show.
base::Json row_values(const Board& board, const TableRow& row, const std::string& root);
// How data.json and data.csv begin, by which an earlier one is known; the old one was written before there was a mark.
inline constexpr std::string_view kDataJsonMark = "{\"format\": \"clbench-leaderboard\", \"version\": 1, \"metrics\": [";
inline constexpr std::string_view kOldDataJsonMark = "{\"version\": 1, \"metrics\": [{\"formula\":";
inline constexpr std::string_view kDataCsvMark =
    "comparability_key,dataset,protocol,weights,section,method,preset,setting,precision,badges,runs,";
std::string data_json(const Board& board);  // data.json
std::string data_csv(const Board& board);

}  // namespace clb::report
