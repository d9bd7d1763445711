// Batches whose images are mixed, and soft labels to go with them: mixup (Zhang et al., ICLR 2018), CutMix (Yun et al., ICCV 2019) and
// label smoothing, in the forms and with the defaults of timm. soft_cross_entropy (loss.hpp) takes them.
#pragma once

#include <torch/types.h>

namespace clb::nn {

struct MixOptions {
  double mixup = 0.8, cutmix = 1;  // alpha: the share of an image is from Beta(alpha, alpha); 0: none
  double cutmix_share = 0.5;       // of the batches, where there are both
  double smoothing = 0.1;
};

struct MixedBatch {
  torch::Tensor images, targets;  // [n, 3, h, w]; [n, classes] float32, each row a distribution
};

// Every image with the one at the same place from the batch's end, all in the same way. images [n, 3, h, w], labels [n] below `classes`.
MixedBatch mixed_batch(const torch::Tensor& images, const torch::Tensor& labels, int64_t classes, const MixOptions& options,
                       torch::Generator generator);

}  // namespace clb::nn
