// The baseline of prompt_bench: a frozen ViT and four prompt methods on it as one would write them for LibTorch alone, without the SDK, nn
// or a session: plain operations, autograd, torch::optim on prompts and head. Settings that the bench does not use are not there.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/archive.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace clb::bench {

using torch::Tensor;

struct Prefix {
  int64_t block;
  Tensor keys, values;  // [n, p, d]
};

// Images [n, 3, H, W] that are as large as the weights' positions say; weights float32 under timm's names.
class BareVit {
 public:
  BareVit(std::map<std::string, Tensor> weights, int64_t heads) : weights_(std::move(weights)), heads_(heads) {}

  const Tensor& weight(const std::string& name) const { return weights_.at(name); }
  int64_t bytes() const;  // of all weights
  // [n, tokens, d] before the final norm; prompts [n, p, d] stand behind the class token, undefined: none.
  Tensor tokens(const Tensor& images, const Tensor& prompts, const std::vector<Prefix>& prefixes) const;
  Tensor normed(const Tensor& x) const;                                          // the final norm
  Tensor query(const Tensor& images) const;                                      // [n, d], without a gradient
  Tensor cls(const Tensor& images, const std::vector<Prefix>& prefixes) const {  // [n, d]
    return normed(tokens(images, {}, prefixes).select(1, 0));
  }

 private:
  Tensor linear(const std::string& name, const Tensor& x) const;
  Tensor norm(const std::string& name, const Tensor& x) const;
  Tensor attention(const std::string& at, const Tensor& x, const Prefix* prefix) const;

  std::map<std::string, Tensor> weights_;
  int64_t heads_;
};

class BareMethod {
 public:
  explicit BareMethod(const BareVit& vit) : vit_(vit) {}
  virtual ~BareMethod() = default;

  virtual void read(Archive& state) = 0;                                      // of the plugin, after its task began
  virtual std::vector<Tensor> trained() const = 0;                            // prompts, keys and head
  virtual Tensor loss(const Tensor& images, const Tensor& labels) const = 0;  // of a training batch of the first task
  virtual Tensor logits(const Tensor& images, const Tensor& query) const = 0;

 protected:
  const BareVit& vit_;
};

// l2p, dualprompt, coda_prompt or vq_prompt with default parameters; nothing for another name.
std::unique_ptr<BareMethod> bare_method(const std::string& name, const BareVit& vit);

}  // namespace clb::bench
