#include <clb/report/table.hpp>

#include "model.hpp"

namespace clb::report {
namespace {

std::string value(const TableRow& row, size_t column) { return percent(row.cells[column].summary->mean) + " %"; }

// "62.30 % after the last task, having forgotten 11.20 %"
std::string fate(const TableRow& row) {
  std::string text = value(row, 0) + " after the last task";
  if (row.cells[1].summary) text += ", having forgotten " + value(row, 1);
  return text;
}

// The first of this title; on the weights of `beside`, where one is given.
const Section* section_of(const Table& table, const std::string& title, const Section* beside = nullptr) {
  for (const Section& section : table.sections)
    if (section.title == title && (!beside || section.weights == beside->weights)) return &section;
  return nullptr;
}

}  // namespace

std::string headline(const store::Store& store, TableOptions options) {
  options.columns = Columns::kMetrics;
  options.metrics = {"acc.last.sample", "forget.max_prev"};
  const Report report = build(store, options);
  const Section* ranked = report.tables.empty() ? nullptr : section_of(report.tables[0], "");
  if (!ranked) return "";
  std::vector<const TableRow*> rows;
  for (const TableRow& row : ranked->rows)
    if (row.cells[0].summary) rows.push_back(&row);
  if (rows.size() < 2) return "";
  std::string text =
      row_label(*rows.front()) + " ends with " + fate(*rows.front()) + "; " + row_label(*rows.back()) + " with " + fate(*rows.back());
  const Section* bound = section_of(report.tables[0], kUpperBound, ranked);
  if (bound && bound->rows.front().cells[0].summary)
    text += "; trained on all tasks at once " + row_label(bound->rows.front()) + " reaches " + value(bound->rows.front(), 0);
  return text + ".";
}

}  // namespace clb::report
