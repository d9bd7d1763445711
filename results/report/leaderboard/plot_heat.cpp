// A grid of shares: accuracy on each group after each task, or how often each prompt was chosen.
#include <algorithm>

#include "plot.hpp"
#include "svg.hpp"

namespace clb::report {
namespace {

constexpr size_t kWithText = 24;  // columns up to which a cell has room for its number

}  // namespace

Plot heat_plot(const std::string& name, const std::string& title, const std::string& about, const std::string& across,
               const std::vector<HeatRow>& rows, const std::string& behind) {
  size_t columns = 0;
  for (const HeatRow& row : rows) columns = std::max(columns, row.cells.size());
  const bool text = columns <= kWithText;
  const double width = text ? 42 : 12, height = text ? 22 : 12, left = 96, top = 40;
  const size_t step = text ? 1 : 10;
  std::string body = svg::text(left, 14, across, "q"), csv = csv_line({"row", "column", "share"});
  for (size_t c = 0; c < columns; c += step)
    body += svg::text(left + width * (static_cast<double>(c) + 0.5), top - 8, std::to_string(c + 1), "q", "middle");
  for (size_t r = 0; r < rows.size(); ++r) {
    const double y = top + height * static_cast<double>(r);
    if (text || r % step == 0) body += svg::text(left - 8, y + height / 2 + 4, rows[r].label, "q", "end");
    for (size_t c = 0; c < rows[r].cells.size(); ++c) {
      const auto& cell = rows[r].cells[c];
      if (!cell) continue;
      const double x = left + width * static_cast<double>(c);
      body += "<g><rect class=\"heat\" x=\"" + svg::number(x) + "\" y=\"" + svg::number(y) + "\" width=\"" + svg::number(width - 1) +
              "\" height=\"" + svg::number(height - 1) + "\" fill-opacity=\"" + fixed(0.03 + 0.42 * std::clamp(cell->share, 0.0, 1.0), 2) +
              "\"/>" + (text ? svg::text(x + width / 2, y + height / 2 + 4, fixed(100 * cell->share, 1), "", "middle") : "") +
              svg::tip(rows[r].label + ", " + std::to_string(c + 1) + ": " + percent(cell->share) + " %" +
                       (cell->tip.empty() ? "" : ", " + cell->tip)) +
              "</g>";
      csv += csv_line({rows[r].label, std::to_string(c + 1), shortest(cell->share)});
    }
    if (!rows[r].behind.empty())
      body += svg::text(left + width * static_cast<double>(columns) + 54, y + height / 2 + 4, rows[r].behind, "", "end");
  }
  if (!behind.empty()) body += svg::text(left + width * static_cast<double>(columns) + 54, top - 8, behind, "q", "end");
  return {name, title, about,
          svg::document(left + width * static_cast<double>(columns) + (behind.empty() ? 10 : 70),
                        top + height * static_cast<double>(rows.size()) + 8, title, body),
          csv};
}

}  // namespace clb::report
