// A table of one data set and protocol.
#include <algorithm>
#include <set>

#include "../latex.hpp"
#include "rank.hpp"
#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

constexpr size_t kLatexColumns = 3;  // the accuracies and forgetting

// Bold, shade and rank of the rows of a ranked section.
void rank_rows(Json& rows, const Section& section, const std::vector<Column>& columns) {
  for (size_t c = 0; c < columns.size(); ++c) {
    std::vector<std::optional<double>> values;
    for (const TableRow& row : section.rows)
      values.push_back(row.cells[c].summary ? std::optional(row.cells[c].summary->mean) : std::nullopt);
    const auto column = places(values, columns[c].metric->direction == metrics::Direction::kHigherIsBetter);
    const auto of = static_cast<size_t>(std::ranges::count_if(values, [](const auto& v) { return v.has_value(); }));
    for (size_t i = 0; i < rows.size(); ++i) {
      if (c == 0 && column[i]) rows[i]["rank"] = fixed(*column[i], 0);
      if (c == 0) rows[i]["rank_text"] = section.rows[i].rank ? rank_text(section.rows[i]) : rows[i]["rank"].get<std::string>();
      rows[i]["cells"][c]["best"] = of > 1 && column[i] == 1.0;
      rows[i]["cells"][c]["shade"] = shade(column[i], of);
    }
  }
}

// What an interval is over: the units of the rows, which column n counts the runs of.
std::string interval_over(const Table& table) {
  bool orders = false;
  for (const Section& section : table.sections)
    orders = orders || std::ranges::any_of(section.rows, [](const TableRow& row) { return row.units.of_orders(); });
  return orders ? "intervals are over class orders, each the mean over its seeds"
                : "intervals are over the seeds of one class order and hold for that order alone";
}

// "9 runs (3 seeds x 3 class orders)" where every row has the same, which the caption says for all; else "", and there is a column n.
std::string common_count(const Table& table) {
  std::set<std::string> counts;
  for (const Section& section : table.sections)
    for (const TableRow& row : section.rows) counts.insert(row.imported ? "" : run_count(row));
  return counts.size() == 1 ? *counts.begin() : "";
}

std::string caption(const Table& table) {
  const std::string count = common_count(table);
  std::string text = "Mean in %, ± half of the 95 % interval, over ";
  text += count.empty() ? "the runs of each row (column n)" : "n = " + count + " of each row";
  return text + "; " + interval_over(table) +
         "; the best of the ranked rows in bold, ≈ where it cannot be told from the best, shaded by rank; # is where a row may stand.";
}

Json section_values(const Board& board, const Table& table, const Section& section, Json& notes) {
  Json rows = Json::array();
  for (const TableRow& row : section.rows) {
    if (rows.size() == kShownRows) break;
    Json line = row_values(board, section.weights, row, "");
    line["id"] = row_id(table, section, row);
    line["rank"] = line["rank_text"] = "";
    const auto more = gain(table, section, row);
    line["gain"] = more ? (*more < 0 ? "−" + fixed(-*more, 2) : "+" + fixed(*more, 2)) : "";
    line["gain_value"] = more ? shortest(*more) : "";
    line["lacks"] = !row.imported && !complete(row) ? "missing: " + run_count(row) + " ended well" : "";
    rows.push_back(std::move(line));
    for (const std::string& note : row.notes) notes.push_back(row_label(row) + ": " + note);
  }
  if (section.rows.size() > kShownRows)
    notes.push_back(std::to_string(section.rows.size() - kShownRows) + " more rows are in data.csv and on the pages of the methods");
  if (section.title.empty()) rank_rows(rows, section, board.report.columns);
  return {{"group", group_title(table, section)}, {"title", section.title}, {"rows", std::move(rows)}};
}

}  // namespace

Json table_values(const Board& board, const Table& table) {
  const std::vector<std::string> weights = weights_of(table);
  Json values{{"id", table_id(table)},
              {"dataset", table.heading[0]},
              {"name", table_name(board.report, table)},
              {"protocol", table.heading[1]},
              {"weights", weights.size() == 1 ? weights_words(table.sections.front()) : ""},
              {"caption", caption(table)},
              {"n_differs", common_count(table).empty()},
              {"columns", Json::array()},
              {"sections", Json::array()},
              {"findings", Json::array()}};
  Json notes = Json::array();
  for (const Column& column : board.report.columns) values["columns"].push_back(column_values(column));
  for (const Section& section : table.sections) values["sections"].push_back(section_values(board, table, section, notes));
  for (Json& section : values["sections"]) section["width"] = std::to_string(board.report.columns.size() + (values["n_differs"] ? 10 : 9));
  for (const Finding& finding : table.findings) values["findings"].push_back({{"sentence", sentence(finding)}});
  values["notes"] = std::move(notes);
  values["plots"] = plots_of(board, table);
  values["holes"] = holes_of(board, table);
  std::vector<size_t> shown;
  for (size_t i = 0; i < std::min(kLatexColumns, board.report.columns.size()); ++i) shown.push_back(i);
  values["latex"] = lines_of(latex_of(table, board.report.columns, shown, kShownRows));
  return values;
}

}  // namespace clb::report
