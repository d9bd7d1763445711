// How long a run will take.
#pragma once

#include <optional>
#include <string>

namespace clb::sweep {

// What a database has of runs of the same method, data, protocol, weights and precision.
struct Measured {
  double seconds = 0;        // mean
  bool same_class = false;   // on machines of the class that asks: processor, cores and card
  bool same_params = false;  // with the same parameters
};

struct Estimate {
  double seconds = 0;
  std::string basis;  // "measured", or "guess: WHAT"
};

// guess_s: where nothing was measured.
Estimate estimate(const std::optional<Measured>& measured, double guess_s);

}  // namespace clb::sweep
