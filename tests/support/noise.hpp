// Noise for made data, the same everywhere.
#pragma once

#include <cstdint>

namespace clb::testing {

class Noise {
 public:
  explicit Noise(uint32_t seed) : state_(seed) {}
  float next() {  // in [0, 1)
    state_ = state_ * 1664525 + 1013904223;
    return static_cast<float>(state_ >> 8) / static_cast<float>(1 << 24);
  }

 private:
  uint32_t state_;
};

}  // namespace clb::testing
