#include <clb/base/toml/sentence.hpp>

#include <fmt/format.h>

#include <clb/base/nearest.hpp>

namespace clb::base::toml {

std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

std::string lead(const std::string& where) { return where.empty() ? "" : where + ": "; }

std::string suggestion(std::string_view name, const std::vector<std::string>& known, const std::string& what) {
  if (const std::string near = base::nearest(name, known); !near.empty()) return fmt::format("; did you mean \"{}\"?", near);
  if (known.empty()) return fmt::format("; there are no {}", what);
  return fmt::format("; {} are {}", what, fmt::join(known, ", "));
}

}  // namespace clb::base::toml
