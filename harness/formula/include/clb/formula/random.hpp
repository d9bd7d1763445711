// Random numbers as a function of a key: what an image draws depends on (seed, stream, index) alone, never on other images or threads.
#pragma once

#include <cstdint>

namespace clb::formula {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream, uint64_t index) : state_(mixed(mixed(mixed(seed + kGamma) ^ stream) ^ (index + kGamma))) {}

  uint64_t next() { return mixed(state_ += kGamma); }
  float unit() { return static_cast<float>(next() >> 40) * 0x1p-24F; }  // [0, 1)
  float between(float low, float high) { return low + (high - low) * unit(); }
  float bell() { return (unit() + unit() + unit() + unit() - 2) * 1.7320508F; }  // mean 0, deviation 1, within +-3.5
  int below(int n) { return static_cast<int>((next() >> 32) * static_cast<uint64_t>(n) >> 32); }
  bool chance(float p) { return unit() < p; }

 private:
  static constexpr uint64_t kGamma = 0x9e3779b97f4a7c15U;
  static uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

}  // namespace clb::formula
