// RFC 4180: CRLF line ends, fields as base::csv_field writes them. One line per row; fractions and seconds are not rounded; an empty field
// is a dash whose reason stands in "notes".
#include "model.hpp"

namespace clb::report {
namespace {

void add_head(std::vector<std::string>& fields, const std::string& name) {
  for (const char* part : {"", " n", " low", " high", " spread"}) fields.push_back(name + part);
}

void add_cell(std::vector<std::string>& fields, const Cell& cell) {
  if (!cell.summary) {
    fields.insert(fields.end(), {"", "0", "", "", ""});
    return;
  }
  const stats::Summary& s = *cell.summary;
  fields.insert(fields.end(), {shortest(s.mean), std::to_string(s.n), shortest(s.low), shortest(s.high), s.spread});
}

}  // namespace

std::string csv_line(const std::vector<std::string>& fields) {
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i) text += (i == 0 ? "" : ",") + base::csv_field(fields[i]);
  return text + "\r\n";
}

std::string format_csv(const Report& report) {
  std::vector<std::string> head{
      "comparability_key",    "dataset",      "protocol",  "weights", "section", "method", "preset", "setting", "precision", "runs",
      "configurations_tried", "against_best", "p_adjusted"};
  for (const Column& column : report.columns) add_head(head, column.name);
  add_head(head, "cold_seconds");
  head.insert(head.end(), {"notes", "second_look", "rank low", "rank high"});
  std::string text = csv_line(head);
  for (const Table& table : report.tables) {
    for (const Section& section : table.sections) {
      for (const TableRow& row : section.rows) {
        std::vector<std::string> fields{table.key};
        fields.insert(fields.end(), table.heading.begin(), table.heading.end());
        fields.insert(fields.end(),
                      {section.weights, section.title, row.method, row.preset, row.setting, row.precision, std::to_string(row.runs.size()),
                       std::to_string(row.tried), row.against_best ? row.against_best->verdict : "",
                       row.against_best && row.against_best->p_adjusted ? shortest(*row.against_best->p_adjusted) : ""});
        for (const Cell& cell : row.cells) add_cell(fields, cell);
        add_cell(fields, row.time);
        std::string notes;
        for (const std::string& note : row.notes) notes += (notes.empty() ? "" : "; ") + note;
        if (row.class_sorted) notes += (notes.empty() ? "" : "; ") + std::string(kClassSorted);
        fields.insert(fields.end(), {notes, look_word(row), row.rank ? std::to_string(row.rank->low) : "",
                                     row.rank ? std::to_string(row.rank->high) : ""});
        text += csv_line(fields);
      }
    }
  }
  return text;
}

}  // namespace clb::report
