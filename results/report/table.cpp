#include <clb/report/table.hpp>

#include "model.hpp"

namespace clb::report {

std::string render_table(const store::Store& store, const TableOptions& options) {
  const Report report = build(store, options);
  switch (options.format) {
    case Format::kMarkdown:
      return format_markdown(report);
    case Format::kLatex:
      return format_latex(report);
    case Format::kCsv:
      return format_csv(report);
    case Format::kJson:
      return format_json(report);
    case Format::kText:
      break;
  }
  return format_text(report, options.color);
}

}  // namespace clb::report
