// A table in LaTeX with booktabs: bold, ties, a caption of one sentence, a label. Cells are LaTeX already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model.hpp"

namespace clb::report {

struct LatexGroup {
  std::vector<std::string> titles{};  // lines over the whole width
  std::vector<std::vector<std::string>> rows{};
};
struct LatexTable {
  std::vector<std::string> heads;
  std::string label;  // "tab:front"
  std::string caption;
  std::vector<LatexGroup> groups;
};
std::string latex_text_of(const LatexTable& table);

std::string latex_symbol(const Column& column);  // "$\bar{A}$", "$A_{\mathrm{last}}$"
std::string latex_cell(const Cell& cell, bool bold, const std::string& mark);

// One table of a report with these of its columns.
std::string latex_of(const Table& table, const std::vector<Column>& columns, const std::vector<size_t>& shown, size_t most = SIZE_MAX);

}  // namespace clb::report
