// Damaged copies of good bytes, for tests of readers of foreign bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clb::testing {

// Calls check(bytes, size) for every proper prefix.
template <class Check>
void for_each_truncation(std::string_view good, Check check) {
  for (size_t size = 0; size < good.size(); ++size) check(std::string(good.substr(0, size)), size);
}

// Calls check(bytes, offset, bit) with every single bit of good[begin, end) flipped.
template <class Check>
void for_each_bit_flip(std::string_view good, size_t begin, size_t end, Check check) {
  for (size_t at = begin; at < end; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes(good);
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      check(bytes, at, bit);
    }
  }
}

}  // namespace clb::testing
