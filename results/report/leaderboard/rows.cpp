// A row of a table as values for templates and for data.json.
#include <algorithm>
#include <set>

#include "badges.hpp"
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

Json cell_values(const Cell& cell, const AgainstReference* c) {
  Json values{{"text", cell_text(cell)},
              {"value", cell.summary ? shortest(cell.summary->mean) : ""},
              {"why", cell.dash},
              {"shade", ""},
              {"difference", ""}};
  if (!cell.summary || !c) return values;
  const double difference = c->ours->mean - c->entry.value;
  values["difference"] = (difference < 0 ? "" : "+") + fixed(difference, 2) + " to published";
  values["shade"] = std::abs(difference) <= c->entry.tolerance + 1e-9 ? "within" : difference > 0 ? "above" : "below";
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

Json row_values(const Board& board, const TableRow& row, const std::string& root) {
  const std::vector<const AgainstReference*> published = board.published(row);
  Json values{{"name", row_name(row)},  {"href", root + "method/" + file_name(row.method) + ".html"},
              {"setting", row.setting}, {"badges", Json::array()},
              {"cells", Json::array()}, {"runs", run_links(row, root)},
              {"tried", row.tried},     {"params", Json::array()}};
  for (const Badge& badge : board.badges.at(&row))
    values["badges"].push_back({{"text", badge.text}, {"kind", badge.kind}, {"why", badge.why}});
  for (size_t i = 0; i < row.cells.size(); ++i)
    values["cells"].push_back(cell_values(row.cells[i], comparison_of(published, *board.report.columns[i].metric)));
  if (!best_mark(row).empty()) {
    Json& first = values["cells"].front();
    first["text"] = first["text"].get<std::string>() + best_mark(row);
    if (first["why"].get<std::string>().empty()) first["why"] = row.against_best->verdict + " from the best row: " + row.against_best->how;
  }
  for (const auto& [name, value] : row.params.items()) values["params"].push_back({{"name", name}, {"value", parameter_text(value)}});
  return values;
}

// Row by row: as one value the rows of a large database would take hundreds of megabytes.
std::string data_json(const Board& board) {
  const auto dumped = [](const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); };
  Json metrics = Json::array();
  for (const Column& column : board.report.columns)
    metrics.push_back(
        {{"id", column.name}, {"version", column.metric->version}, {"formula", column.formula}, {"unit", column.metric->unit}});
  std::string text = std::string(kDataJsonMark) + dumped(metrics).substr(1) + ", \"rows\": [";
  const char* separator = "\n";
  for (const Table& table : board.report.tables) {
    for (const Section& section : table.sections) {
      for (const TableRow& row : section.rows) {
        Json values{{"comparability_key", table.key}, {"dataset", table.heading[0]}, {"protocol", table.heading[1]},
                    {"weights", section.weights},     {"section", section.title},    {"method", row.method},
                    {"preset", row.preset},           {"setting", row.setting},      {"precision", row.precision},
                    {"params", row.params},           {"badges", Json::array()},     {"cells", Json::object()},
                    {"runs", Json::array()},          {"notes", row.notes},          {"configurations_tried", row.tried}};
        for (const Badge& badge : board.badges.at(&row)) values["badges"].push_back({{"text", badge.text}, {"why", badge.why}});
        for (size_t i = 0; i < row.cells.size(); ++i) {
          const auto& s = row.cells[i].summary;
          values["cells"][board.report.columns[i].name] =
              s ? Json{{"mean", s->mean}, {"n", s->n}, {"low", s->low}, {"high", s->high}, {"spread", s->spread}}
                : Json{{"n", 0}, {"reason", row.cells[i].dash}};
        }
        for (const RunResult& run : row.runs)
          values["runs"].push_back({{"key", run.run.key},
                                    {"seed", run.run.seed},
                                    {"order_seed", run.run.order_seed},
                                    {"status", run.run.status.status},
                                    {"second_look", look_json(run.run)},
                                    {"commit", run.run.commit},
                                    {"plugin_hash", run.run.plugin_hash}});
        text += separator + dumped(values);
        separator = ",\n";
      }
    }
  }
  return text + "\n]}\n";
}

std::string data_csv(const Board& board) {
  std::vector<std::string> head{"comparability_key", "dataset", "protocol", "weights",
                                "section",           "method",  "preset",   "setting",
                                "precision",         "badges",  "runs",     "configurations_tried"};
  for (const Column& column : board.report.columns)
    for (const char* part : {"", " n", " low", " high"}) head.push_back(column.name + part);
  std::string text = csv_line(head);
  for (const Table& table : board.report.tables) {
    for (const Section& section : table.sections) {
      for (const TableRow& row : section.rows) {
        std::string badges;
        for (const Badge& badge : board.badges.at(&row)) badges += (badges.empty() ? "" : "; ") + badge.text;
        std::vector<std::string> fields{table.key,
                                        table.heading[0],
                                        table.heading[1],
                                        section.weights,
                                        section.title,
                                        row.method,
                                        row.preset,
                                        row.setting,
                                        row.precision,
                                        badges,
                                        std::to_string(row.runs.size()),
                                        std::to_string(row.tried)};
        for (const Cell& cell : row.cells) {
          const auto& s = cell.summary;
          fields.insert(fields.end(), {s ? shortest(s->mean) : "", s ? std::to_string(s->n) : "0", s ? shortest(s->low) : "",
                                       s ? shortest(s->high) : ""});
        }
        text += csv_line(fields);
      }
    }
  }
  return text;
}

}  // namespace clb::report
