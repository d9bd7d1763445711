// A row of a table as values for templates.
#include <algorithm>

#include "badges.hpp"
#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

// The published number of one metric that this row is compared with; the first in the order of the files.
const AgainstReference* comparison_of(const std::vector<const AgainstReference*>& published, const metrics::Metric& metric) {
  const auto found = std::ranges::find_if(
      published, [&](const AgainstReference* c) { return c->entry.metric == metric.id && !c->verdict.starts_with("too few"); });
  return found == published.end() ? nullptr : *found;
}

// A class of a column, for the style sheet and the script: "c-acc-mean-sample".
std::string class_of(const std::string& id) {
  std::string name = "c-" + id;
  std::ranges::replace(name, '.', '-');
  return name;
}

Json cell_values(const Column& column, const Cell& cell, const AgainstReference* c) {
  Json values{{"value", cell.summary ? shortest(cell.summary->mean) : ""},
              {"class", class_of(column.name)},
              {"mean", "–"},
              {"spread", ""},
              {"why", cell.dash},
              {"best", false},
              {"shade", ""},
              {"mark", ""},
              {"difference", ""}};
  if (!cell.summary) return values;
  const bool counted = cell.unit == "count" || cell.unit == "bytes";  // the same in all runs, or nearly
  const CellParts parts = cell_parts(counted ? Cell{stats::Summary{1, cell.summary->mean, 0, 0, "none"}, "", cell.unit} : cell);
  values["mean"] = parts.mean;
  values["spread"] = parts.spread;
  if (!c) return values;
  const double difference = c->ours->mean - c->entry.value;
  values["difference"] = (difference < 0 ? "" : "+") + fixed(difference, 2) + " to published";
  values["why"] = "published " + fixed(c->entry.value, 2) + " ± " + shortest(c->entry.tolerance) + ": " + c->entry.citation;
  return values;
}

Json run_links(const TableRow& row, const std::string& root) {
  Json links = Json::array();
  for (const RunResult& result : row.runs) {
    const store::RunRow& run = result.run;
    const std::string seed = std::to_string(run.seed) + (run.order_seed == 0 ? "" : "/" + std::to_string(run.order_seed));
    links.push_back(
        {{"href", root + run_file(run)},
         {"label", seed},
         {"state", result.ok() ? "ok" : "bad"},
         {"why", result.ok() ? "" : (run.status.status.empty() ? "not started" : run.status.status + ": " + run.status.reason)}});
  }
  return links;
}

}  // namespace

std::vector<const AgainstReference*> Board::published(const TableRow& row) const {
  std::vector<const AgainstReference*> list;
  for (const RunResult& result : row.runs) {
    const auto found = by_run_key.find(result.run.key);
    if (found == by_run_key.end()) continue;
    for (const AgainstReference* c : found->second)
      if (std::ranges::find(list, c) == list.end()) list.push_back(c);
  }
  return list;
}

Json column_values(const Column& column) {
  const std::string symbol = column.symbol();
  const bool higher = column.metric->direction == metrics::Direction::kHigherIsBetter;
  const size_t below = symbol == column.name ? std::string::npos : symbol.find('_');
  return {{"class", class_of(column.name)},
          {"base", symbol.substr(0, below)},
          {"sub", below == std::string::npos ? "" : symbol.substr(below + 1)},
          {"arrow", higher ? "↑" : "↓"},
          {"best", higher ? "high" : "low"},
          {"explain", column.explain()}};
}

Json row_values(const Board& board, const std::string& weights, const TableRow& row, const std::string& root) {
  const std::vector<const AgainstReference*> published = board.published(row);
  const auto known = board.options->about.find(row.method);
  const reference::About about = known == board.options->about.end() ? reference::About{} : known->second;
  const Level level = level_of(row, *board.options);
  const Uses uses = uses_of(row);
  const auto& trained = row.cells.size() > kTrainedColumn ? row.cells[kTrainedColumn].summary : std::nullopt;
  Json values{{"name", row_name(row)},
              {"method", row.method},
              {"href", row.imported ? "" : root + "method/" + file_name(row.method) + ".html"},
              {"setting", row.setting},
              {"badges", Json::array()},
              {"cells", Json::array()},
              {"runs", run_links(row, root)},
              {"run_count", run_count(row)},
              {"finished", std::to_string(finished_runs(row))},
              {"tried", row.tried},
              {"params", Json::array()},
              {"family", about.family},
              {"date", about.date},
              {"paper", row.imported && reference::is_web_address(row.url) ? row.url : about.paper},
              {"code", about.code},
              {"licence", about.licence},
              {"bibtex", lines_of(about.bibtex(row.method))},
              {"citation", row.citation},
              {"level", level.word},
              {"level_why", level.why},
              {"recount", level.recount},
              {"weights", weights},
              {"replay", uses.replay},
              {"text", uses.text},
              {"trained", trained ? shortest(trained->mean) : ""}};
  for (const Badge& badge : board.badges.at(&row))
    values["badges"].push_back({{"text", badge.text}, {"kind", badge.kind}, {"why", badge.why}});
  for (size_t i = 0; i < row.cells.size(); ++i)
    values["cells"].push_back(
        cell_values(board.report.columns[i], row.cells[i], comparison_of(published, *board.report.columns[i].metric)));
  if (!best_mark(row).empty()) {
    Json& first = values["cells"].front();
    first["mark"] = best_mark(row);
    if (first["why"].get<std::string>().empty()) first["why"] = row.against_best->verdict + " from the best row: " + row.against_best->how;
  }
  for (const auto& [name, value] : row.params.items()) values["params"].push_back({{"name", name}, {"value", parameter_text(value)}});
  return values;
}

}  // namespace clb::report
