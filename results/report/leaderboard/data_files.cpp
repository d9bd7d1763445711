// data.json and data.csv: every number that the pages show.
#include "badges.hpp"
#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

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
        Json values{{"comparability_key", table.key},
                    {"dataset", table.heading[0]},
                    {"protocol", table.heading[1]},
                    {"weights", section.weights},
                    {"section", section.title},
                    {"method", row.method},
                    {"preset", row.preset},
                    {"setting", row.setting},
                    {"precision", row.precision},
                    {"params", row.params},
                    {"badges", Json::array()},
                    {"cells", Json::object()},
                    {"runs", Json::array()},
                    {"notes", row.notes},
                    {"configurations_tried", row.tried},
                    {"level", level_of(row, *board.options).word}};
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
