// Other columns than metrics: the tasks, or data sets and protocols. Both are put as metrics of their own, so that every format prints
// them.
#include <algorithm>
#include <deque>
#include <set>

#include "model.hpp"

namespace clb::report {
namespace {

// Metrics whose values are filled in here; they live as long as the program, as those of the registry do.
const metrics::Metric* column(const std::string& name, const metrics::Metric& like, const std::string& formula) {
  static std::deque<std::string> texts;
  static std::deque<metrics::Metric> columns;
  texts.push_back(name);
  const char* id = texts.back().c_str();
  texts.push_back(formula);
  columns.push_back({id, like.version, texts.back().c_str(), like.source, like.unit, like.direction, [](const metrics::Run&) {
                       return metrics::Result{std::nullopt, "a column of a table is no metric"};
                     }});
  return &columns.back();
}

// "cifar100 B0-Inc10": the beginning of a heading's first line and the split in its second.
std::string short_name(const Table& table) {
  for (const Section& section : table.sections)
    for (const TableRow& row : section.rows)
      if (!row.imported) return text_at(row.spec, "/dataset/id") + " " + text_at(row.spec, "/protocol/split");
  return table.heading.front();
}

// What makes two rows of different tables one: the same method with the same settings.
std::string identity(const TableRow& row, const std::string& section) {
  return base::canonical({section, row.method, row.preset, row.params, row.precision});
}

}  // namespace

std::vector<const metrics::Metric*> task_columns(int64_t tasks) {
  const metrics::Metric& accuracy = metrics::find("acc.last.sample");
  std::vector<const metrics::Metric*> columns;
  for (int64_t t = 1; t <= tasks; ++t)
    columns.push_back(column(kStage + std::to_string(t), accuracy, "acc.last.sample, had the run ended there"));
  return columns;
}

Report over_datasets(Report report) {
  if (report.tables.empty()) return report;
  const metrics::Metric& metric = *report.metrics.front();
  std::map<std::string, int> names;
  for (const Table& table : report.tables) ++names[short_name(table)];
  Report wide;
  Table all{"", {std::string(metric.id) + " over data sets and protocols", "", ""}, {}};
  std::map<std::pair<int, std::string>, std::vector<TableRow>> sections;
  std::map<std::string, size_t> places;  // of a row in its section
  const size_t width = report.tables.size();
  for (size_t c = 0; c < width; ++c) {
    Table& table = report.tables[c];
    std::string name = short_name(table);
    if (names[name] > 1) name += " " + table.key.substr(0, 6);
    wide.metrics.push_back(column(name, metric, table.heading[0] + "; " + table.heading[1] + "; " + table.heading[2]));
    for (Section& section : table.sections) {
      std::vector<TableRow>& rows = sections[{section_rank(section.title), section.title}];
      for (TableRow& row : section.rows) {
        const auto [place, fresh] = places.try_emplace(identity(row, section.title), rows.size());
        Cell cell = row.cells.front();
        if (fresh) {
          rows.push_back(row);
          rows.back().cells.assign(width, Cell{std::nullopt, "not run there", cell.unit});
          rows.back().time = {std::nullopt, "times of different data are not added", "s"};
          rows.back().against_best.reset();
        } else {
          TableRow& known = rows[place->second];
          known.runs.insert(known.runs.end(), row.runs.begin(), row.runs.end());
          for (const std::string& note : row.notes)
            if (std::ranges::find(known.notes, note) == known.notes.end()) known.notes.push_back(note);
        }
        rows[place->second].cells[c] = std::move(cell);
      }
    }
  }
  for (auto& [place, rows] : sections) {
    for (TableRow& row : rows)
      for (size_t c = 0; c < width; ++c)
        if (!row.cells[c].summary) row.notes.push_back(std::string(wide.metrics[c]->id) + ": " + row.cells[c].dash);
    sort_rows(rows, metric, 0);
    all.sections.push_back({place.second, std::move(rows)});
  }
  wide.tables.push_back(std::move(all));
  return wide;
}

}  // namespace clb::report
