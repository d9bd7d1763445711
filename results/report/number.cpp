#include <array>
#include <charconv>
#include <cmath>

#include "model.hpp"

namespace clb::report {

std::string fixed(double value, int decimals) {
  std::array<char, 400> text;  // enough for the largest double
  auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals).ptr;
  std::string result(text.data(), end);
  const bool zero = result.find_first_not_of("-0.") == std::string::npos;
  return zero && result[0] == '-' ? result.substr(1) : result;  // no "-0.00"
}

std::string shortest(double value) {
  std::array<char, 64> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string percent(double fraction) { return fixed(100 * fraction, 2); }

Scale scale_of(double value, std::string_view unit) {
  const double size = std::abs(value);
  if (unit == "fraction") return {100, 2, ""};
  if (unit == "s") {
    if (size < 100) return {1, size < 10 ? 2 : 1, " s"};
    return size < 6000 ? Scale{1.0 / 60, 1, " min"} : Scale{1.0 / 3600, 1, " h"};
  }
  if (unit == "bytes") {
    if (size < 1e3) return {1, 0, " B"};
    return size < 1e6 ? Scale{1e-3, 1, " kB"} : size < 1e9 ? Scale{1e-6, 1, " MB"} : Scale{1e-9, 2, " GB"};
  }
  if (unit == "count" && size >= 1e5) return size < 1e6 ? Scale{1e-3, 0, " k"} : size < 1e9 ? Scale{1e-6, 1, " M"} : Scale{1e-9, 2, " G"};
  return {1, 0, ""};
}

std::string quantity(double value, std::string_view unit) {
  const Scale scale = scale_of(value, unit);
  return fixed(value * scale.factor, scale.decimals) + scale.suffix;
}

std::string duration(double seconds) { return quantity(seconds, "s"); }

// What other draws the interval is for, in a sign; kLegend says them.
const char* sign_of(const std::string& spread) {
  return spread == "units-images95" ? "±" : spread == "t95" ? "±t" : spread == "images95" ? "±i" : "";
}

std::string axis_text(double value, std::string_view unit) {
  const Scale scale = unit.empty() ? Scale{1, 0, ""} : scale_of(value, unit);
  const double shown = std::abs(value) < 1e-12 ? 0 : value * scale.factor;  // a sum of steps ends near 0, or at -0
  std::array<char, 64> text;
  return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), shown, std::chars_format::general, 6).ptr) +
         scale.suffix;
}

CellParts cell_parts(const Cell& cell, std::string_view sign) {
  const stats::Summary& s = *cell.summary;
  const Scale scale = scale_of(s.mean, cell.unit);
  const auto number = [&](double value) { return fixed(value * scale.factor, scale.decimals); };
  std::string spread;
  if (!sign.empty()) {
    spread = std::string(sign) + " " + number((s.high - s.low) / 2);
  } else if (s.n > 1 && s.spread == "min-max") {
    spread = "[" + number(s.low) + ", " + number(s.high) + "]";
  }
  return {number(s.mean) + (spread.empty() ? scale.suffix : ""), spread + (spread.empty() ? "" : scale.suffix)};
}

CellParts cell_parts(const Cell& cell) { return cell_parts(cell, sign_of(cell.summary->spread)); }

std::string cell_text(const Cell& cell) { return cell_text(cell, cell.summary ? sign_of(cell.summary->spread) : ""); }

std::string cell_text(const Cell& cell, std::string_view sign) {
  if (!cell.summary) return "–";
  const CellParts parts = cell_parts(cell, sign);
  const std::string n = cell.summary->spread == "once" ? "once" : std::to_string(cell.summary->n);
  return parts.mean + (parts.spread.empty() ? "" : " " + parts.spread) + " (" + n + ")";
}

std::string row_name(const TableRow& row) { return printable(row.preset.empty() ? row.method : row.method + "/" + row.preset); }

std::string row_label(const TableRow& row) { return row_name(row) + (row.setting.empty() ? "" : " " + printable(row.setting)); }

}  // namespace clb::report
