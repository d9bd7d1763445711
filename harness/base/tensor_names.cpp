#include "tensor_names.hpp"

#include <algorithm>
#include <cmath>

namespace clb::base {
namespace {

constexpr size_t kNamed = 3;  // of many names these are said

int64_t root(int64_t n) { return static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(n)))); }
bool is_square(int64_t n) { return root(n) * root(n) == n; }

}  // namespace

std::string sizes_text(const std::vector<int64_t>& sizes) {
  std::string text = "[";
  for (size_t i = 0; i < sizes.size(); ++i) text += (i ? ", " : "") + std::to_string(sizes[i]);
  return text + "]";
}

std::string listed(const std::vector<std::string>& names, const char* one, const char* many) {
  std::string text = names.size() == 1 ? "tensor" : "tensors";
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i ? ", '" : " '") + names[i] + "'";
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text + " " + (names.size() == 1 ? one : many);
}

bool is_floating(const std::string& dtype) { return dtype == "F32" || dtype == "F16" || dtype == "BF16" || dtype == "F64"; }

ImageSize grid_of_positions(int64_t rows) {
  const int64_t patches = rows - 1;
  if (patches >= 1 && is_square(patches)) return root(patches);
  if (patches >= 2 && !is_square(rows)) return {1, patches};
  return {};
}

}  // namespace clb::base
