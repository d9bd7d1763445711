// MNIST (LeCun et al., 1998): 60,000 + 10,000 grey 28x28 images of handwritten digits, IDX files, plain, gzip or xz.
#include <clb/sdk/idx_images.hpp>

namespace {

class Mnist final : public clb::IdxImages<Mnist> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "mnist",
      .version = "1.0.0",
      .citation = "LeCun et al., Gradient-based Learning Applied to Document Recognition, Proceedings of the IEEE 1998",
      .licence = "CC BY-SA 3.0",
      .classes = "0|1|2|3|4|5|6|7|8|9",
      .geometry = {28, 28, 1},
  };
};

}  // namespace

CLB_DATASET(Mnist)
