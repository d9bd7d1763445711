// Samples that cannot be read or decoded, of a pass over all: who mends one file wants to hear of the others too. A handful is named.
#pragma once

#include <cstdint>
#include <string>

namespace clb::data {

class BadSamples {
 public:
  void add(const std::string& sentence);
  void expect_none(const std::string& root) const;  // Error with the count and the first few

 private:
  int64_t count_ = 0;
  std::string first_;
};

}  // namespace clb::data
