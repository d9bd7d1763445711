// The second look at a run: what a fresh process predicts from its saved state, against what the run had predicted (docs/second-look.md).
// Launcher, store and reports share what came of it.
#pragma once

#include <algorithm>
#include <clb/base/precision.hpp>
#include <cstdint>
#include <string>

namespace clb::base {

struct SecondLook {
  std::string outcome;                   // same | differs | failed: the state cannot be loaded or predicts an error | not_made
  std::string reason;                    // one sentence; empty when same
  int64_t samples = 0;                   // test samples that were predicted again
  int64_t differing = 0, near_ties = 0;  // near ties: other predictions that rounding explains
  double seconds = 0;                    // the launcher's; no part of the run's time
  bool confined = false;                 // the kernel kept the process from all files but libraries, weights and its own

  bool marks() const { return outcome == "differs" || outcome == "failed"; }  // such a row is not ranked
};

// What the looking process is at: before the method's code is there, and from then on. What goes wrong in the first is not the method's.
inline constexpr const char* kLookPrepares = "prepare second look";
inline constexpr const char* kLooks = "second look";

// What rounding may do when the same samples come in other batches. A class is in a near tie with the best one when its logit is less than
// this share of the largest absolute logit below it: float32 sums in another order differ by 1e-6, TF32 rounds factors to 11 bits, bfloat16
// every value to 8. `clbench validate` judges logits by the same share.
inline double near_tie(const std::string& precision) { return keeps_bf16(precision) ? 2e-2 : precision == "tf32" ? 1e-3 : 1e-4; }

// More other predictions than this are no rounding, whatever the logits say: a method that answers everything alike has near ties only.
inline int64_t most_near_ties(const std::string& precision, int64_t samples) {
  return std::max<int64_t>(2, samples / (keeps_bf16(precision) ? 10 : 50));
}

}  // namespace clb::base
