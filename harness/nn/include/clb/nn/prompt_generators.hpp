// Networks that make prompts for each image from its own tokens, in place of choosing them from a pool.
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/mlp.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/vit.hpp>
#include <string>
#include <utility>
#include <vector>

namespace clb::nn {

// DAP (Jung et al., ICCV 2023): for each block a norm, a product along the tokens, and what turns an embedding (of a task) into a scale and
// a shift of unit length (FiLM). It is made for networks of one number of tokens. At first the products are zero, and every prompt is the
// shift.
class FilmPrompts final : public Module {
 public:
  struct Made {
    torch::Tensor gamma, beta, prompts;  // scale [n, d], shift [n, d], [n, length, d]
  };

  FilmPrompts() = default;
  FilmPrompts(const VitShape& network, int64_t length, int64_t embedding, const Rng& rng);

  // x [n, tokens, d]: what enters the block, without prompts; embedding [n, e]. No gradient passes through the lengths of scale and shift.
  Made operator()(int64_t block, const torch::Tensor& x, const torch::Tensor& embedding) const;

  int64_t length() const { return length_; }
  Module& products() { return products_; }  // which DAP trains in the first task alone

 private:
  void parts(Parts& p) override { p("norm", norms_)("down", products_)("film", films_); }  // "norm.<block>.weight", ...

  int64_t length_ = 0;
  List<LayerNorm> norms_;
  List<Linear> products_, films_;  // [length, tokens], [2 d, e]
};

// Hangs them into a network: behind the class token of the first `blocks` blocks, dropped again behind each.
class MadePrompts final : public Injection {
 public:
  MadePrompts(const FilmPrompts& generator, torch::Tensor embedding, int64_t blocks)
      : generator_(generator), embedding_(std::move(embedding)), blocks_(blocks) {}

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return 0; }
  bool changes_operations() const override { return false; }
  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor after_block(int64_t block, const torch::Tensor& x) const override;

 private:
  void parts(Parts& p) override { p("generator", generator_)("embedding", embedding_); }

  FilmPrompts generator_;
  torch::Tensor embedding_;  // [n, e]
  int64_t blocks_;
};

// What tells tasks apart, keys [tasks, d] drawn as VPT's prompts are, and what DAP's generator knows of them, embeddings [tasks, e].
struct TaskKeys final : Module {
  TaskKeys() = default;
  TaskKeys(int64_t tasks, const VitShape& network, int64_t embedding, const Rng& rng);  // trained

  torch::Tensor keys, embeddings;

 private:
  void parts(Parts& p) override { p("keys", keys)("embeddings", embeddings); }
};

// APG (Tang et al., ICCV 2023): one prompt by attention from a query (an image's class token in the middle of a network) to itself and to a
// learned token of each class, between two MLPs with dropout. No residual path.
class AttentionPrompt final : public Module {
 public:
  struct Made {
    torch::Tensor raw, prompt;  // attention before the softmax [n, heads, 1, 1 + classes], itself first; [n, 1, d]
  };

  AttentionPrompt() = default;
  AttentionPrompt(int64_t dim, int64_t heads, double dropout, const Rng& rng);  // Error (invalid): heads do not divide dim

  // query [n, d], tokens [classes, d], float32. The scale is applied before the softmax and, as released, behind it once more.
  Made operator()(const torch::Tensor& query, const torch::Tensor& tokens) const;

  void train(bool on) override { training_ = on; }

 private:
  void parts(Parts& p) override;  // "mlp_in.fc1.weight", "norm.weight", "attn.q.weight", ..., "attn.proj.weight", "mlp_out.fc1.weight", ...
  std::vector<std::pair<std::string, Linear*>> attention();
  torch::Tensor dropped(const Mlp& mlp, const torch::Tensor& x) const;

  Mlp in_, out_;
  LayerNorm norm_;  // eps 1e-5
  Linear q_, k_, v_, proj_;
  int64_t heads_ = 1;
  double dropout_ = 0;
  bool training_ = false;
};

// Every head of every image is to look at the token of its class: cross-entropy of Made::raw without the first column; labels [n].
torch::Tensor attention_loss(const torch::Tensor& raw, const torch::Tensor& labels);

// Holds a prompt below `scale` times the tokens beside it, both [n, rows, d] and by their mean L1 norm.
torch::Tensor norm_loss(const torch::Tensor& prompt, const torch::Tensor& tokens, double weight, double scale);

}  // namespace clb::nn
