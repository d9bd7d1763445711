#include <array>
#include <charconv>

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

std::string duration(double seconds) {
  if (seconds < 100) return fixed(seconds, seconds < 10 ? 2 : 1) + " s";
  if (seconds < 6000) return fixed(seconds / 60, 1) + " min";
  return fixed(seconds / 3600, 1) + " h";
}

std::string cell_text(const Cell& cell) {
  if (!cell.summary) return "–";
  const stats::Summary& s = *cell.summary;
  std::string text = percent(s.mean);
  if (s.spread == "t95") {
    text += " ± " + percent(s.high - s.mean);
  } else if (s.n > 1 && s.spread != "none") {
    text += " [" + percent(s.low) + ", " + percent(s.high) + "]";
  }
  return text + " (" + std::to_string(s.n) + ")";
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return result;
}

std::string row_name(const TableRow& row) { return printable(row.preset.empty() ? row.method : row.method + "/" + row.preset); }

}  // namespace clb::report
