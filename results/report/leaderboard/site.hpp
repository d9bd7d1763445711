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
#include "plot.hpp"

namespace clb::report {

// A report together with what was published beside it.
struct Board {
  const LeaderboardOptions* options;
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

// A text of several lines for a template, which shows each value on one: {{#latex}}{{.}}&#10;{{/latex}}.
base::Json lines_of(const std::string& text);

// JSON that may stand inside <script type="application/json">.
std::string script_json(const base::Json& value);

std::string file_name(const std::string& id);    // letters, digits, '-', '_' and '.' of an id; others as _XX
std::string run_file(const store::RunRow& run);  // "run/0123456789ab.html"

base::Json index_values(const Board& board);
base::Json front_values(const Board& board);  // methods x data sets; null where there is one table only
base::Json table_values(const Board& board, const Table& table);
base::Json holes_of(const Board& board, const Table& table);  // where there should be a number and is none
base::Json legend(const Board& board);
base::Json method_values(const Board& board, const store::Store& store, const std::string& method);
// title: in "title", for the heading of the page
base::Json run_values(const store::Store& store, const RunResult& result, const TableRow& row, const WeightNames& names);

// The pieces of a row that front, tables and method pages show; ranks and shades are theirs.
base::Json row_values(const Board& board, const std::string& weights, const TableRow& row, const std::string& root);
base::Json column_values(const Column& column);
inline constexpr size_t kShownRows = 200;    // of a section: more than anybody reads, and a page stays light; data.csv has all
inline constexpr size_t kTrainedColumn = 5;  // of kMetrics in site.cpp
base::Json plot_values(const Plot& plot);    // the drawing goes into the page as it is: svg.cpp escapes its texts

// plots.cpp: what the plots of a table show, at most kPlottedRows of its rows.
inline constexpr size_t kPlottedRows = 30;  // more lines cannot be told apart
std::vector<PlottedRow> plotted_rows(const Table& table);
base::Json plots_of(const Board& board, const Table& table);

// compare.cpp: what compare.html asks of a table, as a script that it loads: predictions of the plotted rows that are right, and labels.
std::string compare_script(const Board& board, const store::Store& store, const Table& table);
base::Json compare_values(const Board& board);

// changes.cpp: changes.json of an earlier site and this board give the one of this site. `earlier`: its text, "" when there was none.
base::Json changes_of(const Board& board, const std::string& earlier, const std::string& date);
base::Json changes_values(const base::Json& changes);

inline constexpr std::string_view kChangesMark = "{\"format\":\"clbench-leaderboard-changes\",\"version\":1,";
// How data.json and data.csv begin, by which an earlier one is known; the old one was written before there was a mark.
inline constexpr std::string_view kDataJsonMark = "{\"format\": \"clbench-leaderboard\", \"version\": 1, \"metrics\": [";
inline constexpr std::string_view kOldDataJsonMark = "{\"version\": 1, \"metrics\": [{\"formula\":";
inline constexpr std::string_view kDataCsvMark =
    "comparability_key,dataset,protocol,weights,section,method,preset,setting,precision,badges,runs,";
std::string data_json(const Board& board);  // data.json
std::string data_csv(const Board& board);

}  // namespace clb::report
