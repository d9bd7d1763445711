// Random numbers of the resampling methods: one fixed seed, and no std distribution, whose draws differ between libraries. So a table and
// its intervals can be recomputed to the last digit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace clb::stats {

class Draws {
 public:
  // Uniform in 0 .. n - 1; n is far below 2^53, so that no remainder is noticeably more likely.
  size_t below(size_t n) { return static_cast<size_t>(static_cast<double>(engine_() >> 11) * 0x1p-53 * static_cast<double>(n)); }

 private:
  std::mt19937_64 engine_{20250101};
};

}  // namespace clb::stats
