// Networks as tools/convert_weights.py wrote them from other namings (tests/convert, --freeze): our ViT computes what the network computed
// before it was converted.
#include <clb/base/file.hpp>
#include <clb/nn/vit.hpp>
#include <clb/nn/weights.hpp>
#include <filesystem>

#include "golden/golden.hpp"

namespace clb::nn {
namespace {

std::map<std::string, torch::Tensor> tensors_of(const std::filesystem::path& file) {
  const std::string bytes = base::read_file(file);
  auto tensors = read_safetensors({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, file.string());
  std::map<std::string, torch::Tensor> own;  // they look into `bytes`
  for (const auto& [name, tensor] : tensors) own[name] = tensor.clone();
  return own;
}

TEST(Converted, ComputesWhatItDidBefore) {
  const std::filesystem::path folder = std::filesystem::path(CLB_SOURCE_DIR) / "tests/golden/converted";
  for (const std::string naming : {"dino_checkpoint", "moco_v3", "hugging_face_classifier", "google_npz"}) {
    SCOPED_TRACE(naming);
    const Vit vit(tensors_of(folder / (naming + ".safetensors")), {.heads = 2}, naming);
    const auto computed = tensors_of(folder / (naming + "_computed.safetensors"));
    const torch::NoGradGuard no_grad;
    const double error = (vit.cls(computed.at("images")) - computed.at("cls")).abs().max().item<double>();
    EXPECT_LT(error, 1e-5) << "of values up to " << computed.at("cls").abs().max().item<double>();
  }
}

}  // namespace
}  // namespace clb::nn
