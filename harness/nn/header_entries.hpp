// Tensors as the header of a file describes them, for base, which knows no tensors.
#pragma once

#include <clb/base/safetensors.hpp>
#include <map>
#include <string>

#include "clb/nn/weights.hpp"

namespace clb::nn {

// Types and shapes; no offsets.
std::map<std::string, base::TensorEntry> header_entries(const TensorMap& tensors);

}  // namespace clb::nn
