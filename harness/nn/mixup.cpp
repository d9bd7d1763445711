#include "clb/nn/mixup.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace clb::nn {
namespace {

using torch::Tensor;

double uniform_number(torch::Generator& generator) { return torch::rand({1}, generator, torch::kFloat64).item<double>(); }

double beta_number(double alpha, torch::Generator& generator) {  // of Beta(alpha, alpha)
  const Tensor gammas = at::_standard_gamma(torch::full({2}, alpha, torch::kFloat64), generator);
  return (gammas[0] / gammas.sum()).item<double>();
}

struct Box {
  std::array<int64_t, 2> first, size;  // rows, columns

  Tensor of(const Tensor& images) const { return images.narrow(2, first[0], size[0]).narrow(3, first[1], size[1]); }
};

// Covers `share` of the image, less where it reaches over the edge.
Box drawn_box(const Tensor& images, double share, torch::Generator& generator) {
  Box box{};
  for (size_t k = 0; k < 2; ++k) {
    const int64_t all = images.size(static_cast<int64_t>(k) + 2);
    const int64_t half = static_cast<int64_t>(static_cast<double>(all) * std::sqrt(share)) / 2;
    const auto centre = static_cast<int64_t>(static_cast<double>(all) * uniform_number(generator));
    box.first[k] = std::max<int64_t>(0, centre - half);
    box.size[k] = std::min(all, centre + half) - box.first[k];
  }
  return box;
}

}  // namespace

MixedBatch mixed_batch(const Tensor& images, const Tensor& labels, int64_t classes, const MixOptions& o, torch::Generator generator) {
  MixedBatch mixed{images, {}};
  double own = 1;  // share of the image that the label is of
  const bool cuts = o.cutmix > 0 && (o.mixup == 0 || uniform_number(generator) < o.cutmix_share);
  if (cuts) {
    const Box box = drawn_box(images, 1 - beta_number(o.cutmix, generator), generator);
    mixed.images = images.clone();
    box.of(mixed.images).copy_(box.of(images.flip(0)));
    own = 1 - static_cast<double>(box.size[0] * box.size[1]) / static_cast<double>(images.size(2) * images.size(3));
  } else if (o.mixup > 0) {
    own = beta_number(o.mixup, generator);
    mixed.images = own * images + (1 - own) * images.flip(0);
  }
  const Tensor hard = labels.unsqueeze(1).eq(torch::arange(classes, labels.options())).to(torch::kFloat32);  // [n, classes]
  const Tensor smooth = hard * (1 - o.smoothing) + o.smoothing / static_cast<double>(classes);
  mixed.targets = own * smooth + (1 - own) * smooth.flip(0);
  return mixed;
}

}  // namespace clb::nn
