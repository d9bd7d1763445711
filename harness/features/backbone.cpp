#include <clb/base/error.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/images.hpp>
#include <clb/features/backbone.hpp>
#include <clb/nn/vit.hpp>
#include <clb/sdk/error.hpp>

namespace clb::features {
namespace {

// JSON for clb_weights. A square's size is its side; what a ViT with timm's names has no use for is left out.
std::string options_of(const base::WeightsSpec& weights, const base::NetworkShape& shape, base::ImageSize images) {
  base::Json options{{"heads", weights.file.empty() ? weights.random.heads : weights.heads}, {"pos_antialias", weights.pos_antialias}};
  options["image_size"] = images.square() ? base::Json(images.height) : base::Json{images.height, images.width};
  if (shape.format != "timm_vit") {
    options["format"] = shape.format;
    options["text_heads"] = weights.text_heads;
  }
  return base::canonical(options);
}

base::NetworkShape random_shape(const base::RandomWeights& r) {
  base::NetworkShape shape{.format = "timm_vit", .kinds = {{"cls", r.dim}}};
  shape.image = {.image = r.image, .patch = r.patch, .dim = r.dim, .depth = r.depth, .heads = r.heads, .mlp = 4 * r.dim};
  return shape;
}

}  // namespace

Backbone::Backbone(const base::WeightsSpec& weights, base::ImageSize images, torch::Device device, torch::ScalarType dtype)
    : weights_(weights), images_(images), device_(device), dtype_(dtype) {
  if (weights.file.empty()) {
    shape_ = random_shape(weights.random);
  } else {
    file_.emplace(weights.file);
    try {
      const auto header = base::parse_safetensors(file_->bytes(), weights.file);
      shape_ =
          base::network_shape(header, {.format = weights.format, .heads = weights.heads, .text_heads = weights.text_heads}, weights.file);
    } catch (const base::Error&) {
      expect_sha256();  // another file than the planned one is the better explanation
      throw;
    }
  }
  options_ = options_of(weights, shape_, images);
}

std::span<const uint8_t> Backbone::bytes() {
  if (weights_.file.empty()) {
    const auto& r = weights_.random;
    const nn::VitShape shape{
        .image = r.image, .patch = r.patch, .channels = 3, .dim = r.dim, .depth = r.depth, .heads = r.heads, .mlp = 4 * r.dim};
    if (drawn_.bytes().empty()) drawn_ = base::MappedFile::of(nn::write_safetensors(nn::random_vit(shape, r.seed)), "random weights");
    return drawn_.bytes();
  }
  expect_sha256();
  return file_->bytes();
}

void Backbone::expect_sha256() {
  if (const std::string& found = file_->sha256(); found != weights_.sha256)
    throw base::Error("the weights " + weights_.file + " have SHA-256 " + found + ", the run was planned with " + weights_.sha256 +
                      ": the file was replaced; start again with the new digest in the experiment, or put the old file back");
}

void Backbone::expect_unchanged() {
  if (file_ && !file_->unchanged())
    throw base::Error("somebody wrote into the weights " + weights_.file + " while a run used them; start the run again");
}

const nn::Tower& Backbone::tower() {
  if (!tower_) {
    const nn::TowerOptions options{.format = shape_.format,
                                   .heads = weights_.file.empty() ? weights_.random.heads : weights_.heads,
                                   .text_heads = weights_.text_heads,
                                   .image = {images_.height, images_.width},
                                   .pos_antialias = weights_.pos_antialias};
    const std::string name = weights_.file.empty() ? "random weights" : weights_.file;
    tower_ = nn::make_tower(nn::read_safetensors(bytes(), name), options, name, device_, dtype_);
  }
  return *tower_;
}

int64_t Backbone::columns(const FeatureKind& kind) const {
  if (kind.of_blocks()) return kind.count() * shape_.image.dim;
  std::string there;
  for (const auto& [name, width] : shape_.kinds) {
    if (name == kind.kind) return width;
    there += (there.empty() ? "" : ", ") + kind.role + ":" + name;
  }
  throw PluginError(CLB_E_INVALID, "there is no feature kind \"" + kind.name() + "\"; of [weights." + kind.role + "] there are " + there +
                                       " and " + kind.role + ":cls@BLOCKS");
}

torch::Tensor Backbone::compute(const FeatureKind& kind, const torch::Tensor& images) {
  const c10::InferenceMode inference;
  if (!kind.of_blocks()) return tower().compute(kind.kind, images).to(torch::kFloat32);
  const torch::Tensor tokens = tower().cls_of_blocks(images, kind.first);  // [n, k, d]
  return tokens.narrow(1, 0, kind.count()).flatten(1).to(torch::kFloat32);
}

Backbones::Backbones(const base::RunSpec& run, base::ImageSize images, torch::Device device, torch::ScalarType dtype) : run_(run) {
  if (!data::has_images(run)) return;
  for (const auto& weights : run.weights) by_role_.try_emplace(weights.role, weights, images, device, dtype);
}

Backbone& Backbones::at(const std::string& role) {
  const auto found = by_role_.find(role);
  if (found == by_role_.end())
    throw PluginError(CLB_E_INVALID, data::has_images(run_) ? "the experiment has no [weights." + role + "]"
                                                            : "there are no weights \"" + role + "\": dataset " + run_.dataset.id +
                                                                  " holds feature vectors, which need none");
  return found->second;
}

void Backbones::expect_unchanged() {
  for (auto& [role, backbone] : by_role_) backbone.expect_unchanged();
}

}  // namespace clb::features
