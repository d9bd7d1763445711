#include "bare_prompts.hpp"

#include <torch/nn/functional/loss.h>

#include <clb/sdk/context.hpp>
#include <limits>

namespace clb::bench {

int64_t BareVit::bytes() const {
  int64_t sum = 0;
  for (const auto& [name, tensor] : weights_) sum += static_cast<int64_t>(tensor.nbytes());
  return sum;
}

Tensor BareVit::linear(const std::string& name, const Tensor& x) const {
  return at::linear(x, weight(name + ".weight"), weight(name + ".bias"));
}

Tensor BareVit::norm(const std::string& name, const Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight(name + ".weight"), weight(name + ".bias"), 1e-6);
}

Tensor BareVit::attention(const std::string& at, const Tensor& x, const Prefix* prefix) const {
  const auto split = [&](const Tensor& t) { return t.unflatten(-1, {heads_, -1}).transpose(1, 2); };  // [n, heads, t, d / heads]
  const auto qkv = linear(at + ".qkv", x).chunk(3, -1);
  const Tensor keys = prefix != nullptr ? at::cat({prefix->keys, qkv[1]}, 1) : qkv[1];
  const Tensor values = prefix != nullptr ? at::cat({prefix->values, qkv[2]}, 1) : qkv[2];
  const Tensor mixed = at::scaled_dot_product_attention(split(qkv[0]), split(keys), split(values));
  return linear(at + ".proj", mixed.transpose(1, 2).flatten(2));
}

Tensor BareVit::tokens(const Tensor& images, const Tensor& prompts, const std::vector<Prefix>& prefixes) const {
  const Tensor& projection = weight("patch_embed.proj.weight");
  const Tensor patches = at::conv2d(images, projection, weight("patch_embed.proj.bias"), projection.size(2)).flatten(2).transpose(1, 2);
  Tensor x = at::cat({weight("cls_token").expand({images.size(0), -1, -1}), patches}, 1) + weight("pos_embed");
  if (prompts.defined()) x = at::cat({x.narrow(1, 0, 1), prompts, x.slice(1, 1)}, 1);
  for (int64_t block = 0; weights_.contains("blocks." + std::to_string(block) + ".norm1.weight"); ++block) {
    const std::string in = "blocks." + std::to_string(block);
    const Prefix* prefix = nullptr;
    for (const Prefix& one : prefixes)
      if (one.block == block) prefix = &one;
    x = x + attention(in + ".attn", norm(in + ".norm1", x), prefix);
    x = x + linear(in + ".mlp.fc2", at::gelu(linear(in + ".mlp.fc1", norm(in + ".norm2", x))));
  }
  return x;
}

Tensor BareVit::normed(const Tensor& x) const { return norm("norm", x); }

Tensor BareVit::query(const Tensor& images) const {
  const torch::NoGradGuard no_grad;
  return cls(images, {});
}

namespace {

// Tensors of a module in the plugin's state.
struct Module {
  explicit Module(const std::vector<std::string>& names) {
    for (const std::string& name : names) tensors.emplace_back(name, Tensor());
  }
  void parameters(const std::function<void(const std::string&, Tensor&)>& visit) {
    for (auto& [name, tensor] : tensors) visit(name, tensor);
  }
  const Tensor& operator[](size_t k) const { return tensors[k].second; }

  std::vector<std::pair<std::string, Tensor>> tensors;
};

Tensor unit(const Tensor& x) { return at::linalg_vector_norm(x, 2, -1, /*keepdim=*/true).clamp_min(1e-12).reciprocal() * x; }

// Cross-entropy among the classes of the task, which in the first one are all there are.
Tensor masked_loss(const Tensor& logits, const Tensor& labels, const Task& task) {
  Tensor outside = torch::ones(logits.size(1), torch::kBool);
  for (const int64_t label : task.labels) outside[label] = false;
  return at::cross_entropy_loss(logits.masked_fill(outside, -std::numeric_limits<float>::infinity()), labels);
}

// Prefixes of blocks 0, 1, ... + first: prompts [blocks, n, 2 p, d], half keys and half values.
std::vector<Prefix> halves(const Tensor& prompts) {
  const int64_t p = prompts.size(2) / 2;
  std::vector<Prefix> prefixes;
  for (int64_t b = 0; b < prompts.size(0); ++b) prefixes.push_back({b, prompts[b].narrow(1, 0, p), prompts[b].narrow(1, p, p)});
  return prefixes;
}

// What has a pool of prompts with keys, and a head.
class PoolMethod : public BareMethod {
 public:
  using BareMethod::BareMethod;
  void read(Archive& a) override {
    task_.state(a);
    a("pool", pool_)("head", head_);
  }
  std::vector<Tensor> trained() const override { return {pool_[0], pool_[1], head_[0], head_[1]}; }

 protected:
  Task task_;
  Module pool_{{"prompts", "keys"}}, head_{{"weight", "bias"}};
};

class L2p final : public PoolMethod {
 public:
  using PoolMethod::PoolMethod;
  Tensor loss(const Tensor& images, const Tensor& labels) const override {
    const Tensor cosines = unit(vit_.query(images)).matmul(unit(pool_[1]).t());  // [n, M]
    const Tensor votes = at::bincount(nearest(cosines.detach()).flatten(), {}, cosines.size(1));
    const Tensor ids = votes.argsort(/*stable=*/true, 0, /*descending=*/true).narrow(0, 0, kTop).expand({images.size(0), kTop});
    return masked_loss(forward(images, ids), labels, task_) - 0.1 * cosines.gather(1, ids).sum() / images.size(0);
  }
  Tensor logits(const Tensor& images, const Tensor& query) const override {
    return forward(images, nearest(unit(query).matmul(unit(pool_[1]).t())));
  }

 private:
  static constexpr int64_t kTop = 5;
  static Tensor nearest(const Tensor& cosines) { return std::get<1>(cosines.topk(kTop, 1)); }  // [n, k]

  Tensor forward(const Tensor& images, const Tensor& ids) const {
    const Tensor chosen = pool_[0].index_select(0, ids.flatten());  // [n k, L, d]
    const Tensor prompts = chosen.reshape({images.size(0), -1, chosen.size(2)}) + vit_.weight("pos_embed").narrow(1, 0, 1);
    const Tensor read = vit_.normed(vit_.tokens(images, prompts, {})).narrow(1, 1, prompts.size(1)).mean(1);
    return at::linear(read, head_[0], head_[1]);
  }
};

// One prompt for each task, top_k 1: in the first task the first.
class DualPrompt final : public BareMethod {
 public:
  using BareMethod::BareMethod;
  void read(Archive& a) override {
    task_.state(a);
    a("tasks_learned", tasks_)("prompts", prompts_)("head", head_);
  }
  std::vector<Tensor> trained() const override { return {prompts_[0], prompts_[1], prompts_[2], head_[0], head_[1]}; }

  Tensor loss(const Tensor& images, const Tensor& labels) const override {
    const Tensor cosines = unit(vit_.query(images)).matmul(unit(prompts_[2][0]).t());  // [n, M]
    const Tensor ids = torch::zeros(images.size(0), torch::kInt64);
    return masked_loss(forward(images, ids), labels, task_) - 0.1 * cosines.gather(1, ids.unsqueeze(1)).sum() / images.size(0);
  }
  Tensor logits(const Tensor& images, const Tensor& query) const override {
    return forward(images, unit(query).matmul(unit(prompts_[2][0]).t()).argmax(1));
  }

 private:
  Tensor forward(const Tensor& images, const Tensor& ids) const {
    const Tensor &general = prompts_[0], experts = prompts_[1].index_select(2, ids);  // [2, 2, L, d], [3, 2, n, L, d]
    const auto shared = [&](const Tensor& rows) { return rows.expand({images.size(0), -1, -1}); };
    std::vector<Prefix> prefixes;
    for (int64_t b = 0; b < general.size(0); ++b) prefixes.push_back({b, shared(general[b][0]), shared(general[b][1])});
    for (int64_t b = 0; b < experts.size(0); ++b) prefixes.push_back({general.size(0) + b, experts[b][0], experts[b][1]});
    return at::linear(vit_.cls(images, prefixes), head_[0], head_[1]);
  }

  Task task_;
  int64_t tasks_ = 0;
  Module prompts_{{"general", "experts.prefixes", "experts.keys"}}, head_{{"weight", "bias"}};
};

// The components of the first task; there are no older ones.
class CodaPrompt final : public BareMethod {
 public:
  using BareMethod::BareMethod;
  void read(Archive& a) override {
    task_.state(a);
    a("tasks_begun", tasks_)("old", old_)("own", own_)("head", head_);
  }
  std::vector<Tensor> trained() const override { return {own_[0], own_[1], own_[2], head_[0], head_[1]}; }

  Tensor loss(const Tensor& images, const Tensor& labels) const override {
    return masked_loss(logits(images, vit_.query(images)), labels, task_);
  }
  Tensor logits(const Tensor& images, const Tensor& query) const override {
    const Tensor &components = own_[0], &keys = own_[1], &attention = own_[2];               // [b, k, L, d], [b, k, d] twice
    const Tensor attended = unit(query.unsqueeze(1).unsqueeze(0) * attention.unsqueeze(1));  // [b, n, k, d]
    const Tensor weights = (attended * unit(keys).unsqueeze(1)).sum(-1);                     // [b, n, k]
    const Tensor prompts = weights.matmul(components.flatten(2)).unflatten(2, components.sizes().slice(2));
    return at::linear(vit_.cls(images, halves(prompts)), head_[0], head_[1]);
  }

 private:
  Task task_;
  int64_t tasks_ = 0;
  Module old_{{"prompts", "keys", "attention"}}, own_ = old_, head_{{"weight", "bias"}};
};

class VqPrompt final : public PoolMethod {
 public:
  using PoolMethod::PoolMethod;
  Tensor loss(const Tensor& images, const Tensor& labels) const override {
    const auto [soft, hard] = chosen(vit_.query(images));
    const auto distance = [](const Tensor& a, const Tensor& b) { return (a - b).square().mean({1, 2, 3}).sum(); };
    const Tensor loss = masked_loss(forward(images, soft + (hard - soft).detach()), labels, task_);
    return loss + 0.4 * distance(soft, hard.detach()) + 0.1 * distance(hard, soft.detach());
  }
  Tensor logits(const Tensor& images, const Tensor& query) const override { return forward(images, chosen(query).second); }

 private:
  // The weighted sum of entries and the entry nearest to it, [b, n, L, d] each.
  std::pair<Tensor, Tensor> chosen(const Tensor& query) const {
    const Tensor entries = pool_[0].flatten(2);  // [b, m, L d]
    const Tensor soft = at::softmax(query.matmul(unit(pool_[1]).transpose(1, 2)), -1).bmm(entries);
    const Tensor codes = (soft.detach().unsqueeze(2) - entries.detach().unsqueeze(1)).square().sum(-1).argmin(-1);  // [b, n]
    std::vector<Tensor> hard;
    for (int64_t b = 0; b < codes.size(0); ++b) hard.push_back(pool_[0][b].index_select(0, codes[b]));
    return {soft.unflatten(2, pool_[0].sizes().slice(2)), at::stack(hard)};
  }
  Tensor forward(const Tensor& images, const Tensor& prompts) const {
    return at::linear(vit_.cls(images, halves(prompts)), head_[0], head_[1]);
  }
};

}  // namespace

std::unique_ptr<BareMethod> bare_method(const std::string& name, const BareVit& vit) {
  if (name == "l2p") return std::make_unique<L2p>(vit);
  if (name == "dualprompt") return std::make_unique<DualPrompt>(vit);
  if (name == "coda_prompt") return std::make_unique<CodaPrompt>(vit);
  if (name == "vq_prompt") return std::make_unique<VqPrompt>(vit);
  return nullptr;
}

}  // namespace clb::bench
