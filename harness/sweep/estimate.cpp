#include <clb/sweep/estimate.hpp>

namespace clb::sweep {

Estimate estimate(const std::optional<Measured>& measured, double guess_s) {
  if (!measured) return {guess_s, "guess: nothing was measured"};
  if (!measured->same_class) return {measured->seconds, "guess: measured on another class of machine"};
  return {measured->seconds, measured->same_params ? "measured" : "measured, with other parameters"};
}

}  // namespace clb::sweep
