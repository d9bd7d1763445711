// Splits of the class stream: B0-IncN and Bm-IncN.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/plan/plan.hpp>
#include <numeric>

#include "toml.hpp"

namespace clb::plan {
namespace {

// Reads digits at the front of `text` and removes them.
bool take_number(std::string_view& text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::vector<int64_t> task_sizes(const std::string& split, int64_t class_count, const std::string& where) {
  std::string_view rest = split;
  int64_t base = 0, increment = 0;
  if (!(take(rest, "B") && take_number(rest, base) && take(rest, "-Inc") && take_number(rest, increment) && rest.empty() && increment > 0))
    throw base::Error(fmt::format("{}split must look like \"B0-Inc10\" or \"B50-Inc5\", found \"{}\"", lead(where), one_line(split)));
  const int64_t first = base == 0 ? increment : base;
  if (first > class_count)
    throw base::Error(
        fmt::format("{}split \"{}\" wants {} classes in the first task, the dataset has {}", lead(where), split, first, class_count));
  std::vector<int64_t> sizes = {first};
  for (int64_t left = class_count - first; left > 0; left -= sizes.back()) sizes.push_back(std::min(increment, left));
  return sizes;
}

std::string split_name(const std::vector<int64_t>& sizes) {
  constexpr size_t kShown = 12;
  const int64_t classes = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  const bool even = sizes.size() == 1 || sizes[0] == sizes[1];
  const std::string name = fmt::format("B{}-Inc{}", even ? 0 : sizes[0], even ? sizes[0] : sizes[1]);
  if (task_sizes(name, classes, "") == sizes) return name;
  return sizes.size() <= kShown ? fmt::format("[{}]", fmt::join(sizes, ", ")) : fmt::format("list of {} sizes", sizes.size());
}

}  // namespace clb::plan
