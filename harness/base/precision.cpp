#include "clb/base/precision.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <vector>

namespace clb::base {

std::string bf16_form(const std::string& vendor, const std::string& flags) {
  std::istringstream text(flags);
  const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
  const auto has = [&](const char* flag) { return std::ranges::find(words, flag) != words.end(); };
  return has("amx_bf16") || (has("avx512_bf16") && vendor == "AuthenticAMD") ? kBf16 : kBf16Weights;
}

}  // namespace clb::base
