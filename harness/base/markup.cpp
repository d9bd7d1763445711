#include <algorithm>
#include <array>
#include <charconv>
#include <clb/base/markup.hpp>
#include <clb/base/text.hpp>
#include <utility>

namespace clb::base {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

constexpr std::array<Replacement, 27> kLatex{{{"\\", "\\textbackslash{}"},
                                              {"&", "\\&"},
                                              {"%", "\\%"},
                                              {"$", "\\$"},
                                              {"#", "\\#"},
                                              {"_", "\\_"},
                                              {"{", "\\{"},
                                              {"}", "\\}"},
                                              {"~", "\\textasciitilde{}"},
                                              {"^", "\\textasciicircum{}"},
                                              {"<", "\\textless{}"},
                                              {">", "\\textgreater{}"},
                                              {"|", "\\textbar{}"},
                                              {"[", "{[}"},  // behind \\ it would begin an argument, as the star would
                                              {"]", "{]}"},
                                              {"*", "{*}"},
                                              {"\"", "\\char34{}"},
                                              {"`", "\\char96{}"},
                                              {"--", "-{}-"},
                                              {",,", ",{},"},
                                              {"''", "'{}'"},
                                              {"±", "$\\pm$"},
                                              {"–", "--"},
                                              {"↑", "$\\uparrow$"},
                                              {"↓", "$\\downarrow$"},
                                              {"†", "$\\dagger$"},
                                              {"≈", "$\\approx$"}}};

constexpr std::array<Replacement, 5> kXml{{{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}}};

// `other` gives the text of a letter that the table does not name.
template <size_t n, class Other>
std::string replaced(const std::string& text, const std::array<Replacement, n>& table, Other other) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const auto found = std::ranges::find_if(table, [&](const auto& pair) { return rest.starts_with(pair.first); });
    if (found != table.end()) {
      // A pair of equal letters goes on with its second one, which may begin another pair.
      const bool pair = found->first.size() == 2 && found->first[0] == found->first[1];
      result += pair ? found->second.substr(0, found->second.size() - 1) : found->second;
      i += pair ? 1 : found->first.size();
      continue;
    }
    const size_t length = letter_at(text, i).length;
    result += other(rest.substr(0, length));
    i += length;
  }
  return result;
}

bool is_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && end.ec == std::errc() && end.ptr == text.data() + text.size();
}

// Spreadsheets pass over spaces, and some read the wide forms of the signs as well.
bool begins_formula(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  constexpr std::string_view kSigns[] = {"=", "+", "-", "@", "＝", "＋", "－", "＠"};
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return text.starts_with(sign); });
}

}  // namespace

std::string csv_field(std::string_view raw) {
  std::string text = printable(raw);
  if (begins_formula(text) && !is_number(text)) text.insert(text.begin(), '\'');
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string latex_text(std::string_view raw) {
  return replaced(printable(raw), kLatex, [](std::string_view letter) {
    const uint32_t point = letter_at(letter, 0).point;
    constexpr uint32_t kLatinEnd = 0x180;  // what LaTeX composes from accents
    if (point < kLatinEnd) return std::string(letter);
    std::array<char, 8> hex{};
    char* end = std::to_chars(hex.data(), hex.data() + hex.size(), point, 16).ptr;
    std::transform(hex.data(), end, hex.data(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
    return "{[}U+" + std::string(hex.data(), end) + "{]}";
  });
}

std::string markdown_text(std::string_view raw) {
  const std::string text = printable(raw);
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool marker_begins = i == 0 && (c == '-' || c == '+') && text.size() > 1 && text[1] == ' ';
    const bool number_ends = i > 0 && (c == '.' || c == ')') && (i + 1 == text.size() || text[i + 1] == ' ') &&
                             text.find_first_not_of("0123456789") == i;  // "1. " would begin a list
    if (std::string_view("|\\`*_<>[]&#~$").find(c) != std::string_view::npos || marker_begins || number_ends) result += '\\';
    result += c;
  }
  return result;
}

std::string xml_text(std::string_view raw) {
  return replaced(printable(raw), kXml, [](std::string_view letter) { return std::string(letter); });
}

}  // namespace clb::base
