// The weights of a role, and the frozen network the host computes features with. The file is opened when somebody first asks for what is in
// it, and nothing is read before it is needed: a run on cached features loads no weights.
#pragma once

#include <clb/base/hashed_file.hpp>
#include <clb/base/network_format.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/vit_weights.hpp>
#include <clb/features/feature_kind.hpp>
#include <clb/nn/tower.hpp>
#include <clb/text/clip_tokens.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace clb::features {

class Backbone {
 public:
  // images: their size after the evaluation transform. dtype: of the weights; computed: of images. vocabulary: file of the text tower's
  // tokeniser, for a run that has text.
  Backbone(const base::WeightsSpec& weights, base::ImageSize images, torch::Device device, torch::ScalarType dtype,
           torch::ScalarType computed, std::string vocabulary = "");

  int64_t columns(const FeatureKind& kind);                // PluginError CLB_E_INVALID for one that this network does not have
  int64_t depth() { return shape().image.depth; }          // blocks
  std::span<const uint8_t> bytes();                        // the safetensors file; its SHA-256 has been checked
  const std::string& options() const { return options_; }  // JSON for clb_weights
  const base::WeightsSpec& spec() const { return weights_; }
  const base::NetworkShape::Text& text_shape();  // PluginError CLB_E_INVALID when this network reads no texts
  void expect_unchanged();                       // Error when somebody wrote into the file after its SHA-256 was checked

  torch::Tensor compute(const FeatureKind& kind, const torch::Tensor& images);  // [n, 3, H, W] -> [n, columns] float32 on the device
  const text::ClipTokens& tokens();                      // of the text tower; Error when the file is not the planned one
  torch::Tensor compute_text(const torch::Tensor& ids);  // [n, t] int64 -> [n, width] float32 on the device

 private:
  const nn::Tower& tower();
  nn::TowerOptions tower_options();
  std::string name() const { return weights_.file.empty() ? "random weights" : weights_.file; }
  const base::NetworkShape& shape();
  base::HashedFile& file();
  void expect_sha256();  // Error when the file's is not the planned one

  base::WeightsSpec weights_;
  base::ImageSize images_;
  torch::Device device_;
  torch::ScalarType dtype_, computed_;
  std::string options_;
  base::MappedFile drawn_;                // random weights, once they are asked for
  std::optional<base::HashedFile> file_;  // none: random, or not asked for yet
  std::optional<base::NetworkShape> shape_;
  std::unique_ptr<nn::Tower> tower_;
  std::string vocabulary_;  // its file; empty: the run has no text
  std::optional<text::ClipTokens> tokens_;
  std::unique_ptr<nn::TextTower> text_tower_;
};

// Those of a run, by role; none of a dataset of features.
class Backbones {
 public:
  Backbones(const base::RunSpec& run, base::ImageSize images, torch::Device device, torch::ScalarType dtype, torch::ScalarType computed);

  Backbone& at(const std::string& role);  // PluginError CLB_E_INVALID for a role that the experiment does not have
  void expect_unchanged();                // Error when somebody wrote into a file that is in use
  auto begin() const { return by_role_.begin(); }
  auto end() const { return by_role_.end(); }

 private:
  const base::RunSpec& run_;
  std::map<std::string, Backbone> by_role_;
};

}  // namespace clb::features
