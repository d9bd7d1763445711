#include <clb/base/error.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/images.hpp>
#include <clb/features/backbone.hpp>
#include <clb/sdk/error.hpp>

namespace clb::features {
Backbone::Backbone(const base::WeightsSpec& weights, int64_t image_size, torch::Device device, torch::ScalarType dtype)
    : weights_(weights), image_size_(image_size), device_(device), dtype_(dtype) {
  const int64_t heads = weights.file.empty() ? weights.random.heads : weights.heads;
  options_ = base::canonical({{"image_size", image_size}, {"heads", heads}, {"pos_antialias", weights.pos_antialias}});
}

base::HashedFile& Backbone::file() {
  if (!file_) file_.emplace(weights_.file);
  return *file_;
}

const base::VitShape& Backbone::shape() {
  if (shape_) return *shape_;
  if (weights_.file.empty()) {
    const auto& r = weights_.random;
    return shape_.emplace(
        base::VitShape{.image = r.image, .patch = r.patch, .dim = r.dim, .depth = r.depth, .heads = r.heads, .mlp = 4 * r.dim});
  }
  try {
    const auto header = base::parse_safetensors(file().bytes(), weights_.file);
    return shape_.emplace(base::vit_shape(header.tensors, weights_.heads, weights_.file));
  } catch (const base::Error&) {
    expect_sha256();  // another file than the planned one is the better explanation
    throw;
  }
}

std::span<const uint8_t> Backbone::bytes() {
  if (weights_.file.empty()) {
    const auto& r = weights_.random;
    const nn::VitShape shape{.image = r.image, .patch = r.patch, .dim = r.dim, .depth = r.depth, .heads = r.heads, .mlp = 4 * r.dim};
    if (drawn_.bytes().empty()) drawn_ = base::MappedFile::of(nn::write_safetensors(nn::random_vit(shape, r.seed)), "random weights");
    return drawn_.bytes();
  }
  expect_sha256();
  return file().bytes();
}

void Backbone::expect_sha256() {
  if (const std::string& found = file().sha256(); found != weights_.sha256)
    throw base::Error("the weights " + weights_.file + " have SHA-256 " + found + ", the run was planned with " + weights_.sha256 +
                      ": the file was replaced; start again with the new digest in the experiment, or put the old file back");
}

void Backbone::expect_unchanged() {
  if (file_ && !file_->unchanged())
    throw base::Error("somebody wrote into the weights " + weights_.file + " while a run used them; start the run again");
}

const nn::Vit& Backbone::vit() {
  if (!vit_) {
    const nn::VitOptions options{.heads = weights_.file.empty() ? weights_.random.heads : weights_.heads,
                                 .image = image_size_,
                                 .pos_antialias = weights_.pos_antialias};
    const std::string name = weights_.file.empty() ? "random weights" : weights_.file;
    vit_ = std::make_unique<nn::Vit>(nn::Vit(nn::read_safetensors(bytes(), name), options, name).to(device_, dtype_));
  }
  return *vit_;
}

torch::Tensor Backbone::cls(const torch::Tensor& images) {
  const c10::InferenceMode inference;
  return vit().cls(images).to(torch::kFloat32);
}

torch::Tensor Backbone::compute(const FeatureKind& kind, const torch::Tensor& images) {
  if (!kind.of_blocks()) return cls(images);
  const c10::InferenceMode inference;
  const torch::Tensor tokens = vit().cls_of_blocks(images, kind.first);  // [n, k, d]
  return tokens.narrow(1, 0, kind.count()).flatten(1).to(torch::kFloat32);
}

Backbones::Backbones(const base::RunSpec& run, int64_t image_size, torch::Device device, torch::ScalarType dtype) : run_(run) {
  if (!data::has_images(run)) return;
  for (const auto& weights : run.weights) {
    const int64_t own = weights.eval_transform ? weights.eval_transform->output_size() : image_size;
    by_role_.try_emplace(weights.role, weights, own, device, dtype);
  }
}

Backbone& Backbones::at(const std::string& role) {
  const auto found = by_role_.find(role);
  if (found == by_role_.end())
    throw PluginError(CLB_E_INVALID, data::has_images(run_) ? "the experiment has no [weights." + role + "], or the method does not name this role among those it opens"
                                                            : "there are no weights \"" + role + "\": dataset " + run_.dataset.id +
                                                                  " holds feature vectors, which need none");
  return found->second;
}

void Backbones::expect_unchanged() {
  for (auto& [role, backbone] : by_role_) backbone.expect_unchanged();
}

}  // namespace clb::features
