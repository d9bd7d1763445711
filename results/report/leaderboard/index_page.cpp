// The index and the pages of methods.
#include <algorithm>
#include <cmath>
#include <set>

#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

constexpr int64_t kEnoughSeeds = 3;
constexpr size_t kShownRows = 200;   // of a section: more than anybody reads, and a page stays light; data.csv has all
constexpr size_t kPlottedRows = 30;  // more lines cannot be told apart
constexpr size_t kShownHoles = 100;

std::vector<double> mean_curve(const TableRow& row) {
  std::vector<double> sum;
  int64_t n = 0;
  for (const RunResult& result : row.runs) {
    if (!result.ok() || result.curve.empty() || (n > 0 && result.curve.size() != sum.size())) continue;
    std::vector<double> curve;
    for (const auto& value : result.curve) curve.push_back(value.value_or(std::nan("")));
    if (n++ == 0) sum.assign(curve.size(), 0);
    for (size_t t = 0; t < curve.size(); ++t) sum[t] += curve[t];
  }
  for (double& value : sum) value /= static_cast<double>(n);
  return sum;
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

const Cell* cell_of(const Board& board, const TableRow& row, std::string_view metric) {
  for (size_t i = 0; i < row.cells.size(); ++i)
    if (metric == board.report.columns[i].name) return &row.cells[i];
  return nullptr;
}

Json mean_of(const Board& board, const TableRow& row, std::string_view metric, double factor) {
  const Cell* cell = cell_of(board, row, metric);
  return cell && cell->summary ? Json(factor * cell->summary->mean) : Json(nullptr);
}

// A joint run has one stage: the last, when all tasks are learned.
void move_joint_to_the_end(Json& rows) {
  size_t longest = 0;
  for (const Json& row : rows) longest = std::max(longest, row.at("curve").size());
  for (Json& row : rows) {
    if (!row.at("joint").get<bool>()) continue;
    Json& curve = row["curve"];
    curve.insert(curve.begin(), longest - curve.size(), nullptr);
  }
}

// What the plots are drawn from: percentages, seconds, numbers, bytes.
Json plot_data(const Board& board, const Table& table) {
  Json rows = Json::array();
  for (const Section& section : table.sections) {
    for (const TableRow& row : section.rows) {
      Json curve = Json::array();
      if (rows.size() == kPlottedRows) break;
      for (const double value : mean_curve(row)) curve.push_back(number_or_null(100 * value));
      if (curve.empty()) continue;
      const bool joint = section.title == kUpperBound;
      rows.push_back({{"name", row_label(row) + (joint ? " (joint)" : "")},
                      {"joint", joint},
                      {"curve", curve},
                      {"accuracy", mean_of(board, row, "acc.mean.sample", 100)},
                      {"time", mean_of(board, row, "time.total", 1)},
                      {"parameters", mean_of(board, row, "params.trained", 1)},
                      {"state", mean_of(board, row, "state.total", 1)}});
    }
  }
  move_joint_to_the_end(rows);
  return {{"rows", rows}};
}

void add_plots(Json& values, const Board& board, const Table& table) {
  const Json data = plot_data(board, table);
  if (data.at("rows").empty()) return;
  size_t stages = 0;
  Json curves = Json::array();
  for (const Json& row : data.at("rows")) {
    Json texts = Json::array();
    for (const Json& value : row.at("curve")) texts.push_back(value.is_null() ? "–" : fixed(value.get<double>(), 2));
    stages = std::max(stages, texts.size());
    curves.push_back({{"name", row.at("name")}, {"values", texts}});
  }
  Json heads = Json::array();
  for (size_t t = 1; t <= stages; ++t) heads.push_back(std::to_string(t));
  const std::string id = values.at("id");
  Json paretos = Json::array();
  for (const auto& [x, label] :
       {std::pair{"time", "cold-equivalent time of a run (s)"}, {"parameters", "numbers trained"}, {"state", "state (bytes)"}})
    if (std::ranges::any_of(data.at("rows"), [x = x](const Json& row) { return row.at(x).is_number() && row.at("accuracy").is_number(); }))
      paretos.push_back({{"x", x}, {"label", label}, {"source", id + "-data"}});
  values["plots"] = {{"id", id}, {"stages", heads}, {"curves", curves}, {"paretos", paretos}, {"data", script_json(data)}};
}

// Where there should be a number and is none.
Json holes_of(const Board& board, const Table& table) {
  std::set<std::string> here, everywhere;
  Json holes = Json::array();
  for (const Table& other : board.report.tables)
    for (const Section& section : other.sections)
      for (const TableRow& row : section.rows) (&other == &table ? here : everywhere).insert(row.method);
  for (const Section& section : table.sections) {
    for (const TableRow& row : section.rows) {
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

Json table_values(const Board& board, const Table& table, size_t number) {
  const std::vector<std::string> weights = weights_of(table);
  Json values{{"id", "t" + std::to_string(number)},
              {"dataset", table.heading[0]},
              {"protocol", table.heading[1]},
              {"weights", weights.size() == 1 ? weights_words(table.sections.front()) : ""},
              {"caption", kLegend},
              {"columns", Json::array()},
              {"sections", Json::array()},
              {"notes", Json::array()}};
  for (const Column& column : board.report.columns) values["columns"].push_back({{"head", column.title()}, {"explain", column.explain()}});
  for (const Section& section : table.sections) {
    Json rows = Json::array();
    int64_t rank = 0;
    for (const TableRow& row : section.rows) {
      if (rows.size() == kShownRows) break;
      Json line = row_values(board, row, "");
      line["rank"] = section.title.empty() && row.cells.front().summary ? std::to_string(++rank) : "";
      rows.push_back(std::move(line));
      for (const std::string& note : row.notes) values["notes"].push_back(row_label(row) + ": " + note);
    }
    if (section.rows.size() > kShownRows)
      values["notes"].push_back(std::to_string(section.rows.size() - kShownRows) +
                                " more rows are in data.csv and on the pages of the methods");
    values["sections"].push_back({{"group", group_title(table, section)},
                                  {"title", section.title},
                                  {"rows", std::move(rows)},
                                  {"width", std::to_string(board.report.columns.size() + 5)}});
  }
  values["findings"] = Json::array();
  for (const Finding& finding : table.findings)
    values["findings"].push_back({{"verdict", finding.verdict}, {"sentence", sentence(finding)}});
  add_plots(values, board, table);
  values["holes"] = holes_of(board, table);
  return values;
}

Json legend(const Board& board) {
  Json terms = Json::array();
  const auto add = [&](const char* term, const std::string& text) { terms.push_back({{"term", term}, {"text", text}}); };
  for (const Column& column : board.report.columns)
    add(column.name.c_str(), column.formula + " (version " + std::to_string(column.metric->version) + "; " + column.metric->source + ")");
  add("verified", "within tolerance of the published number under the same key: data, protocol, weights, transforms and all parameters");
  add("matches reference implementation", "inside the band of a run of the reference implementation under the same key");
  add("deviates", "outside that tolerance");
  add("unverified", "no published number under this key, or too few runs to compare");
  add("leaks", "claims, or fails the check of, predictions that do not depend on the batch or on the task id");
  add("second look differs",
      "a fresh process that has the saved state and nothing else predicts other classes for some test samples, or cannot use it; such a "
      "row is not ranked");
  add("collapsed", "final accuracy below 2 / classes seen, or one prompt does all the work in every layer (perplexity below 1.5)");
  add("under-trained", "fewer than 100 updates in a task");
  add("pre-training labels overlap",
      "the weights were trained with labels of classes that the data holds, so its tasks are not new to them");
  add("≈, ?", kBestLegend);
  add("cells coloured", "by the difference to the published number under the same key: within its tolerance, above or below");
  add("#", "rank by the first column; only rows that share data, protocol, weights and what they may use are ranked");
  return terms;
}

std::string summary(const Board& board) {
  size_t rows = 0, runs = 0;
  std::set<std::string> methods;
  for (const Table& table : board.report.tables)
    for (const Section& section : table.sections)
      for (const TableRow& row : section.rows) {
        ++rows;
        runs += row.runs.size();
        methods.insert(row.method);
      }
  if (runs == 0) return kNoRuns;
  const auto counted = [](size_t n, const std::string& one) { return std::to_string(n) + " " + one + (n == 1 ? "" : "s"); };
  return counted(runs, "run") + " of " + counted(methods.size(), "method") + " in " + counted(board.report.tables.size(), "table") +
         ". Rows of different data or protocols never share a table; other weights and what may use more stand in sections of their own, "
         "and "
         "ranks hold within a section.";
}

}  // namespace

Json index_values(const Board& board) {
  Json values{{"summary", summary(board)}, {"tables", Json::array()}, {"legend", legend(board)}};
  for (size_t i = 0; i < board.report.tables.size(); ++i) values["tables"].push_back(table_values(board, board.report.tables[i], i + 1));
  return values;
}

Json method_values(const Board& board, const std::string& method) {
  Json tables = Json::array(), columns = Json::array();
  for (const Column& column : board.report.columns) columns.push_back(column.name);
  for (size_t i = 0; i < board.report.tables.size(); ++i) {
    const Table& table = board.report.tables[i];
    Json rows = Json::array();
    for (const Section& section : table.sections) {
      for (const TableRow& row : section.rows) {
        if (row.method != method) continue;
        Json line = row_values(board, row, "../");
        line["section"] = section.title;
        line["weights"] = section.weights;
        line["columns"] = columns;
        line["notes"] = row.notes;
        rows.push_back(std::move(line));
      }
    }
    if (rows.empty()) continue;
    tables.push_back(
        {{"id", "t" + std::to_string(i + 1)}, {"dataset", table.heading[0]}, {"protocol", table.heading[1]}, {"rows", std::move(rows)}});
  }
  return {{"tables", std::move(tables)}};
}

}  // namespace clb::report
