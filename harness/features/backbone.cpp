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
std::string options_of(const base::WeightsSpec& weights, base::ImageSize images) {
  base::Json options{{"heads", weights.file.empty() ? weights.random.heads : weights.heads}, {"pos_antialias", weights.pos_antialias}};
  options["image_size"] = images.square() ? base::Json(images.height) : base::Json{images.height, images.width};
  if (weights.format != "timm_vit") {
    options["format"] = weights.format;
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

Backbone::Backbone(const base::WeightsSpec& weights, base::ImageSize images, torch::Device device, torch::ScalarType dtype,
                   torch::ScalarType computed, std::string vocabulary)
    : weights_(weights),
      images_(images),
      device_(device),
      dtype_(dtype),
      computed_(computed),
      options_(options_of(weights, images)),
      vocabulary_(std::move(vocabulary)) {}

base::HashedFile& Backbone::file() {
  if (!file_) file_.emplace(weights_.file);
  return *file_;
}

const base::NetworkShape& Backbone::shape() {
  if (shape_) return *shape_;
  if (weights_.file.empty()) return shape_.emplace(random_shape(weights_.random));
  try {
    const auto header = base::parse_safetensors(file().bytes(), weights_.file);
    const base::NetworkHints hints{.format = weights_.format, .heads = weights_.heads, .text_heads = weights_.text_heads};
    return shape_.emplace(base::network_shape(header, hints, weights_.file));
  } catch (const base::Error&) {
    expect_sha256();  // another file than the planned one is the better explanation
    throw;
  }
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

nn::TowerOptions Backbone::tower_options() {
  return {.format = shape().format,
          .heads = weights_.file.empty() ? weights_.random.heads : weights_.heads,
          .text_heads = weights_.text_heads,
          .image = {images_.height, images_.width},
          .pos_antialias = weights_.pos_antialias,
          .text_computed = computed_};
}

const nn::Tower& Backbone::tower() {
  if (!tower_) tower_ = nn::make_tower(nn::read_safetensors(bytes(), name()), tower_options(), name(), device_, dtype_);
  return *tower_;
}

const base::NetworkShape::Text& Backbone::text_shape() {
  if (shape().text.context == 0 || vocabulary_.empty())
    throw PluginError(CLB_E_INVALID, "the network of [weights." + weights_.role + "] reads no texts; expected a CLIP", "", 0);
  return shape().text;
}

const text::ClipTokens& Backbone::tokens() {
  if (tokens_) return *tokens_;
  base::HashedFile file(vocabulary_);
  if (file.sha256() != weights_.vocabulary)
    throw base::Error("the vocabulary " + vocabulary_ + " has SHA-256 " + file.sha256() + ", the run was planned with " +
                      weights_.vocabulary + ": the file was replaced; put the old file back, or start again");
  const text::ClipTokens read(file.bytes(), vocabulary_);
  if (read.size() != text_shape().vocabulary)
    throw base::Error(name() + ": its text tower has " + std::to_string(text_shape().vocabulary) + " tokens, the vocabulary " +
                      vocabulary_ + " " + std::to_string(read.size()) + "; they do not belong together");
  return tokens_.emplace(read);
}

torch::Tensor Backbone::compute_text(const torch::Tensor& ids) {
  const c10::InferenceMode inference;
  if (!text_tower_) text_tower_ = nn::make_text_tower(nn::read_safetensors(bytes(), name()), tower_options(), name(), device_, dtype_);
  return text_tower_->compute(ids.to(device_)).to(torch::kFloat32);
}

int64_t Backbone::columns(const FeatureKind& kind) {
  if (kind.of_blocks()) return kind.count() * shape().image.dim;
  std::string there;
  for (const auto& [name, width] : shape().kinds) {
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

Backbones::Backbones(const base::RunSpec& run, base::ImageSize images, torch::Device device, torch::ScalarType dtype,
                     torch::ScalarType computed)
    : run_(run) {
  if (!data::has_images(run)) return;
  for (const auto& weights : run.weights) {
    const base::ImageSize own = weights.eval_transform ? weights.eval_transform->output_size() : images;
    const auto vocabulary = run.execution.vocabulary_files.find(weights.role);
    by_role_.try_emplace(weights.role, weights, own, device, dtype, computed,
                         vocabulary == run.execution.vocabulary_files.end() ? "" : vocabulary->second);
  }
}

Backbone& Backbones::at(const std::string& role) {
  const auto found = by_role_.find(role);
  if (found == by_role_.end())
    throw PluginError(CLB_E_INVALID, data::has_images(run_) ? "the experiment has no [weights." + role +
                                                                  "], or the method does not name this role among those it opens"
                                                            : "there are no weights \"" + role + "\": dataset " + run_.dataset.id +
                                                                  " holds feature vectors, which need none");
  return found->second;
}

void Backbones::expect_unchanged() {
  for (auto& [role, backbone] : by_role_) backbone.expect_unchanged();
}

}  // namespace clb::features
