// A network on the processor that something is hung into: slices of the images pass side by side, forward and backward, each on one
// thread, so that no thread waits for another inside an operation. How a batch is cut depends on its shape alone, and gradients of what all
// slices share are summed in the order of the slices: results do not depend on the number of threads.
#pragma once

#include <clb/nn/vit.hpp>
#include <functional>

namespace clb::nn {

using Pass = std::function<torch::Tensor(const torch::Tensor& images, const Injection& in)>;  // [n, ...] -> [n, ...]

// pass(images, in). In one piece where slices are no faster or cannot be: on a card, of a network that is trained itself (its gradients
// are as large as the network, once for each slice), for an injection that must see all images at once.
torch::Tensor in_slices(const torch::Tensor& images, const Injection& in, const Module& network, const VitShape& shape, const Pass& pass);

}  // namespace clb::nn
