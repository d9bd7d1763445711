// From the tensors of a file to modules.
#pragma once

#include <clb/base/vit_weights.hpp>
#include <functional>
#include <string>

#include "clb/nn/vit.hpp"

namespace clb::nn {

base::VitShape shape_in_file(const VitShape& shape);
VitShape shape_of(const base::VitShape& shape);

// How the positions of a file lie, and that images of the wanted size can be had from them; an Error (io) otherwise.
ImageSize grid_of(const base::VitShape& in_file, const VitOptions& options, const std::string& name);

// The JSON object that goes with a file.
VitOptions vit_options(const std::string& json, const std::string& name);

// Gives every parameter a copy of the file's tensor of that name, in the parameter's shape. A copy: the file may be a read-only mapping
// that goes away, and training writes in place.
using NameInFile = std::function<std::string(const std::string& parameter)>;
void fill(
    Module& module, const TensorMap& tensors, const NameInFile& name_in_file = [](const std::string& name) { return name; });

// For an untrained tensor: seeded by a hash of (seed, name), so that the order of drawing cannot matter.
at::Generator generator_of(int64_t seed, const std::string& name);

// The same module elsewhere or in another type. Parameters that already fit are shared.
template <class M>
M moved(const M& module, torch::Device device, torch::ScalarType dtype) {
  M copy = module;
  copy.parameters([&](const std::string&, torch::Tensor& t) { t = t.to(device, dtype); });
  return copy;
}

}  // namespace clb::nn
