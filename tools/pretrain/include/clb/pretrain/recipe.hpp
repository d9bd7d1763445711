// What is trained, on what, and how: one TOML file (share/pretrain), whose every value has a default.
#pragma once

#include <clb/base/json.hpp>
#include <clb/formula/image.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace clb::pretrain {

struct NetworkRecipe {  // of the ViT; images have 32 x 32 pixels
  int64_t patch = 4, dim = 192, depth = 6, heads = 3;
  double position_scale = 0.5;  // amplitude of the sine-cosine positions that training starts from
};

struct TrainingRecipe {
  int64_t images = 100'000;  // seen in all; rounded down to whole batches
  int64_t batch_size = 64;
  int64_t slice = 16;                // images that are computed together on one thread; see Trainer
  std::string optimizer = "muon";    // muon: matrices of blocks by Muon, the rest by AdamW; adamw: everything by AdamW
  std::string precision = "fp32";    // or bf16: activations and products; weights and moments stay fp32
  double muon_lr = 0.02, lr = 1e-3;  // lr: AdamW's
  double weight_decay = 0;           // decoupled, on matrices
  double warmup = 0.03;              // share of the updates; then a cosine down to zero
  double dropped = 0.5;              // share of the patches that an image loses
  double keep_all_from = 0.85;       // share of the updates after which none is dropped
  std::string mix = "none";          // mixup | cutmix
  double mixed = 0.5;                // share of the batches that are mixed
};

struct LossRecipe {  // weights of what is summed; 0: left out
  double classes = 1, mask = 1, numbers = 0.5, thumbnail = 0;
  double cosine_scale = 0;  // the class head compares directions, times this; 0: a linear head
};

// The table [network.text]: with it two towers are trained on images and sentences, and [loss] has no place.
struct TextRecipe {
  int64_t dim = 128, depth = 3, heads = 2, context = 77;
  int64_t features = 128;            // of the space in which images and texts meet
  double temperature = 0.07;         // that training starts from
  std::filesystem::path vocabulary;  // of the tokeniser; in the recipe relative to it
  std::string vocabulary_sha256;
};

struct Recipe {
  std::string name = "unnamed";
  int64_t seed = 0;
  formula::ImageOptions images;
  NetworkRecipe network;
  TrainingRecipe training;
  LossRecipe loss;
  std::optional<TextRecipe> text;
  std::string output_type = "f16";  // or bf16, f32

  int64_t updates() const { return training.images / training.batch_size; }
  base::Json to_json() const;  // every value: what a checkpoint is compared by, and what the weights carry

 private:
  base::Json of_images() const;  // all but the text tower
};

// Error with FILE:line:column for what is unknown or out of range.
Recipe parse_recipe(const std::string& text, const std::string& name);
Recipe read_recipe(const std::filesystem::path& file);

}  // namespace clb::pretrain
