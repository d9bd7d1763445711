// The seeds of one fuzz target, whole, truncated and with single bits flipped, through the function that libFuzzer calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMost = 400;  // damaged copies of each kind and seed

void feed(const std::string& bytes) {
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());  // on the heap: the address sanitizer sees a read past the end
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

TEST(Replay, SeedsAndDamagedCopies) {
  size_t seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CLB_FUZZ_SEEDS)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed{std::istreambuf_iterator<char>(file), {}};
    feed(seed);
    const size_t step = std::max<size_t>(1, seed.size() / kMost);
    for (size_t size = 0; size < seed.size(); size += step) feed(seed.substr(0, size));
    for (size_t at = 0; at < seed.size(); at += step) {
      std::string flipped = seed;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << at % 8);
      feed(flipped);
    }
    ++seeds;
  }
  EXPECT_GT(seeds, 0u) << "no seeds in " << CLB_FUZZ_SEEDS;
}

}  // namespace
