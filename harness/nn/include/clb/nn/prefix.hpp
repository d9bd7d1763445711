// Prefix tuning: extra rows of keys and values in the attention of some blocks; queries and the number of tokens stay as they are. The rows
// come behind the projection, so they bypass LayerNorm, W_k, W_v and their biases (Li and Liang, ACL 2021; DualPrompt, Wang et al., ECCV
// 2022).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/rng.hpp>

namespace clb::nn {

struct PrefixOptions {
  std::vector<int64_t> blocks = {};  // which blocks have one
  int64_t length = 10;
  int64_t position = 0;     // the row of the key and value sequences before which it is put: 0 in front, 1 behind the class token
  bool scales = false;      // a learned factor on the keys and one on the values of each block, 1 at first
  bool compensate = false;  // see Prefix::attention_weights
};

// A learned prefix, the same for all samples. LAE (Gao et al., ICCV 2023) uses position 1, scales and compensation. Keys and values:
// uniform within 0 and 0.01, as there.
class Prefix final : public Injection {
 public:
  Prefix(const BlocksShape& network, const PrefixOptions& options, const Rng& rng);

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return first_of(options_.blocks); }
  bool changes_operations() const override { return false; }
  void keys_values(int64_t block, const torch::Tensor& x, KeysValues& rows) const override;
  bool changes_attention(int64_t block) const override;
  // LAE's compensation: the weights of the prefix are divided by max(their sum, 1e-12), the others stay as they are.
  torch::Tensor attention_weights(int64_t block, const torch::Tensor& weights) const override;

 private:
  struct Layer final : Module {
    void parts(Parts& p) override { p("keys", keys)("values", values)("key_scale", key_scale)("value_scale", value_scale); }
    torch::Tensor keys, values;            // [length, d]
    torch::Tensor key_scale, value_scale;  // [1], undefined: none
  };
  void parts(Parts& p) override { p("", layers_); }  // "<block>.keys", "<block>.key_scale", ...

  PrefixOptions options_;
  AtBlocks<Layer> layers_;
};

// Prefixes that a method computed for each image, in front of all keys and values. keys and values: for each of `blocks`, [n, p, d], or
// [p, d] for all samples alike. A row of d numbers is split among the heads like a row of a projection.
class GivenPrefix final : public Injection {
 public:
  GivenPrefix(std::vector<int64_t> blocks, std::vector<torch::Tensor> keys, std::vector<torch::Tensor> values);

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return first_of(blocks_); }
  bool changes_operations() const override { return false; }
  void keys_values(int64_t block, const torch::Tensor& x, KeysValues& rows) const override;

 private:
  void parts(Parts& p) override;  // "<block>.keys", "<block>.values"
  std::vector<int64_t> blocks_;
  std::vector<torch::Tensor> keys_, values_;
};

}  // namespace clb::nn
