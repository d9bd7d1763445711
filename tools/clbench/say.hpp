// What clbench says to a person: texts, also those within a list, are foreign and go through `printable` (base/text.hpp) one by one, so
// that none of them looks like a line of ours. Texts of several lines that were made printable where they were made, and JSON, go through
// fmt::print.
#pragma once

#include <fmt/format.h>

#include <clb/base/text.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace clb::cli {

// "a, b, c"
inline std::string joined(const std::vector<std::string>& words, const char* between = ", ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + base::printable(word);
  return text;
}

// "1 run", "8 runs"
template <class Count>
std::string counted(Count n, const char* one) {
  return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

namespace detail {

template <class T>
auto shown(const T& value) {
  if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return base::printable(value.string());
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return base::printable(value);
  } else {
    return value;
  }
}
template <class T>
using Shown = decltype(shown(std::declval<const T&>()));

}  // namespace detail

// `format` is ours: its line ends stay.
template <class... T>
void say(std::FILE* to, fmt::format_string<detail::Shown<T>...> format, const T&... values) {
  fmt::print(to, format, detail::shown(values)...);
}
template <class... T>
void say(fmt::format_string<detail::Shown<T>...> format, const T&... values) {
  fmt::print(format, detail::shown(values)...);
}

}  // namespace clb::cli
