// The linear operations of a transformer's block by name: where low-rank deltas are put in and inputs are recorded.
#pragma once

#include <clb/nn/injection.hpp>
#include <string>

namespace clb::nn {

struct LinearSite {
  Site site;               // the hook of the operation
  int64_t first, outputs;  // rows [first, first + outputs) of its weight: q, k and v are thirds of one
  int64_t inputs;          // columns of its weight
};

// name: q, k, v, qkv, proj, fc1 or fc2; in a block of width dim with mlp hidden units. Throws Error (invalid) for another.
LinearSite linear_site(const std::string& name, int64_t dim, int64_t mlp);

}  // namespace clb::nn
