// What stands above the cells: metrics, the tasks, or data sets and protocols.
#include <algorithm>
#include <clb/metrics/symbol.hpp>
#include <set>
#include <tuple>

#include "model.hpp"

namespace clb::report {
namespace {}  // namespace

// "cifar100 B0-Inc10", or "imagenet_r/pilot B0-Inc10" where a parameter of the data set names one of its published splits.
std::string short_name(const Table& table) {
  for (const Section& section : table.sections)
    for (const TableRow& row : section.rows)
      if (!row.imported) {
        const std::string published = text_at(row.spec, "/dataset/params/split");
        return text_at(row.spec, "/dataset/id") + (published.empty() ? "" : "/" + published) + " " + text_at(row.spec, "/protocol/split");
      }
  return table.heading.front();
}

namespace {

// What makes two rows of different tables one: the same method with the same settings on the same weights.
std::string identity(const TableRow& row, const Section& section) {
  return base::canonical({section.title, section.weights, row.method, row.preset, row.params, row.precision});
}

}  // namespace

std::string Column::title() const { return name + (metric->direction == metrics::Direction::kHigherIsBetter ? " ↑" : " ↓"); }

std::string Column::symbol() const { return name == metric->id ? std::string(metrics::symbol_of(name)) : name; }

std::string Column::explain() const { return name + " (version " + std::to_string(metric->version) + "): " + formula; }

std::vector<Column> metric_columns(const std::vector<std::string>& ids) {
  std::vector<Column> columns;
  for (const std::string& id : ids) {
    const metrics::Metric& metric = metrics::find(id);
    columns.push_back({&metric, metric.id, metric.formula});
  }
  return columns;
}

std::vector<Column> task_columns(int64_t tasks) {
  const metrics::Metric& accuracy = metrics::find("acc.last.sample");
  std::vector<Column> columns;
  for (int64_t t = 0; t < tasks; ++t)
    columns.push_back({&accuracy, "after task " + std::to_string(t + 1), "acc.last.sample, had the run ended there", t});
  return columns;
}

Report over_datasets(Report report) {
  if (report.tables.empty()) return report;
  const metrics::Metric& metric = *report.columns.front().metric;
  std::map<std::string, int> names;
  for (const Table& table : report.tables) ++names[short_name(table)];
  Report wide;
  Table all{"", {std::string(metric.id) + " over data sets and protocols", ""}, {}};
  struct Part {
    Section head;
    std::vector<TableRow> rows;
  };
  std::vector<std::string> weights;  // in the order of the tables
  std::map<std::tuple<size_t, int, std::string>, Part> sections;
  std::map<std::string, size_t> places;  // of a row in its section
  const size_t width = report.tables.size();
  for (size_t c = 0; c < width; ++c) {
    Table& table = report.tables[c];
    std::string name = short_name(table);
    if (names[name] > 1) name += " " + table.key.substr(0, 6);
    wide.columns.push_back({&metric, name, joined(heading_lines(table))});
    for (Section& section : table.sections) {
      const auto known = std::ranges::find(weights, section.weights);
      const auto group = static_cast<size_t>(known - weights.begin());
      if (known == weights.end()) weights.push_back(section.weights);
      Part& part = sections[{group, section_rank(section.title), section.title}];
      part.head = {section.title, {}, section.weights, ""};
      std::vector<TableRow>& rows = part.rows;
      for (TableRow& row : section.rows) {
        const auto [place, fresh] = places.try_emplace(identity(row, section), rows.size());
        Cell cell = row.cells.front();
        if (fresh) {
          rows.push_back(row);
          rows.back().cells.assign(width, Cell{std::nullopt, "not run there", cell.unit});
          rows.back().time = {std::nullopt, "times of different data are not added", "s"};
          rows.back().against_best.reset();
          rows.back().rank.reset();
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
  for (auto& [place, part] : sections) {
    std::vector<TableRow>& rows = part.rows;
    for (TableRow& row : rows)
      for (size_t c = 0; c < width; ++c)
        if (!row.cells[c].summary) row.notes.push_back(wide.columns[c].name + ": " + row.cells[c].dash);
    sort_rows(rows, metric, 0);
    part.head.rows = std::move(rows);
    all.sections.push_back(std::move(part.head));
  }
  wide.tables.push_back(std::move(all));
  return wide;
}

}  // namespace clb::report
