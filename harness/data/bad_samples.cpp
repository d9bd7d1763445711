#include <clb/base/error.hpp>
#include <clb/data/bad_samples.hpp>

namespace clb::data {

void BadSamples::add(const std::string& sentence) {
  constexpr int64_t kNamed = 5;
  if (count_++ < kNamed) first_ += (first_.empty() ? "" : "; ") + sentence;
}

void BadSamples::expect_none(const std::string& root) const {
  if (count_ == 0) return;
  if (count_ == 1) throw base::Error(first_);
  throw base::Error(root + ": " + std::to_string(count_) + " samples cannot be read, the first are: " + first_);
}

}  // namespace clb::data
