#include "clb/nn/prompt_generators.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <cmath>

namespace clb::nn {

using torch::Tensor;

FilmPrompts::FilmPrompts(const VitShape& network, int64_t length, int64_t embedding, const Rng& rng) : length_(length) {
  for (int64_t i = 0; i < network.depth; ++i) {
    norms_.add(LayerNorm(network.dim, 1e-6));
    products_.add(Linear::zeros(length, network.tokens()));
    films_.add(Linear::drawn(2 * network.dim, embedding, [&](const std::string& name) { return rng(std::to_string(i) + "." + name); }));
  }
  unfreeze(norms_);
}

FilmPrompts::Made FilmPrompts::operator()(int64_t block, const Tensor& x, const Tensor& embedding) const {
  const Tensor mixed = products_[block](norms_[block](x).transpose(1, 2));  // [n, d, length]
  const auto unit = [&](const Tensor& v) { return as_type_of(x, v / v.detach().norm(2, 1, true).clamp_min(1e-12)); };
  const auto parts = films_[block](embedding).chunk(2, 1);
  const Tensor gamma = unit(parts[0]), beta = unit(parts[1]);
  return {gamma, beta, (gamma.unsqueeze(2) * mixed + beta.unsqueeze(2)).transpose(1, 2)};
}

InjectionSlices MadePrompts::split(const std::vector<int64_t>& counts) const {
  InjectionSlices slices;
  for (const Tensor& rows : split_rows(embedding_, counts, /*dims=*/2))
    slices.push_back(std::make_shared<MadePrompts>(generator_, rows, blocks_));
  return slices;
}

Tensor MadePrompts::before_block(int64_t block, const Tensor& x) const {
  return block < blocks_ ? insert_rows(x, 1, generator_(block, x, embedding_).prompts) : x;
}

Tensor MadePrompts::after_block(int64_t block, const Tensor& x) const { return block < blocks_ ? drop_rows(x, 1, generator_.length()) : x; }

TaskKeys::TaskKeys(int64_t tasks, const VitShape& network, int64_t embedding, const Rng& rng) {
  const double bound = std::sqrt(6.0 / static_cast<double>(network.channels * network.patch * network.patch + network.dim));
  keys = uniform({tasks, network.dim}, -bound, bound, rng("keys")).requires_grad_();
  embeddings = normal({tasks, embedding}, 0, 1, rng("embeddings")).requires_grad_();
}

AttentionPrompt::AttentionPrompt(int64_t dim, int64_t heads, double dropout, const Rng& rng)
    : norm_(dim), heads_(heads), dropout_(dropout) {
  if (dim % heads != 0) {
    throw Error(ErrorKind::kInvalid,
                "generator_heads is " + std::to_string(heads) + ", which does not divide the network's width " + std::to_string(dim));
  }
  const auto drawn = [&](const std::string& name) {
    return Linear::drawn(dim, dim, [&](const std::string& part) { return rng(name + "." + part); });
  };
  in_ = Mlp(drawn("mlp_in.fc1"), drawn("mlp_in.fc2"));
  out_ = Mlp(drawn("mlp_out.fc1"), drawn("mlp_out.fc2"));
  for (auto& [name, linear] : attention()) *linear = drawn(name);
  unfreeze(norm_);
}

AttentionPrompt::Made AttentionPrompt::operator()(const Tensor& query, const Tensor& tokens) const {
  const auto by_head = [this](const Tensor& x) { return x.unflatten(1, {heads_, -1}); };  // [n, heads, d / heads]
  const double scale = std::sqrt(static_cast<double>(heads_) / static_cast<double>(query.size(1)));
  const Tensor u = norm_(dropped(in_, query)), asked = by_head(q_(u)) * scale;
  const Tensor raw = at::cat({(asked * by_head(k_(u))).sum(2, true), at::einsum("nhd,chd->nhc", {asked, by_head(k_(tokens))})}, 2);
  const Tensor weights = raw.softmax(2) * scale, of_tokens = weights.narrow(2, 1, tokens.size(0));
  const Tensor mixed = weights.narrow(2, 0, 1) * by_head(v_(u)) + at::einsum("nhc,chd->nhd", {of_tokens, by_head(v_(tokens))});
  return {raw.unsqueeze(2), dropped(out_, proj_(mixed.flatten(1))).unsqueeze(1)};
}

Tensor attention_loss(const Tensor& raw, const Tensor& labels) {
  const Tensor rows = raw.squeeze(2).narrow(2, 1, raw.size(3) - 1).flatten(0, 1);  // [n heads, classes]
  return at::cross_entropy_loss(rows, labels.repeat_interleave(raw.size(1)));
}

Tensor norm_loss(const Tensor& prompt, const Tensor& tokens, double weight, double scale) {
  return weight * at::relu(prompt.abs().sum(2).mean() - scale * tokens.abs().sum(2).to(torch::kFloat32).mean());
}

std::vector<std::pair<std::string, Linear*>> AttentionPrompt::attention() {
  return {{"attn.q", &q_}, {"attn.k", &k_}, {"attn.v", &v_}, {"attn.proj", &proj_}};
}

void AttentionPrompt::parts(Parts& p) {
  p("mlp_in", in_)("norm", norm_);
  for (auto& [name, linear] : attention()) p(name, *linear);
  p("mlp_out", out_);
}

Tensor AttentionPrompt::dropped(const Mlp& mlp, const Tensor& x) const {
  return at::dropout(mlp.fc2(at::dropout(mlp.hidden(x), dropout_, training_)), dropout_, training_);
}

}  // namespace clb::nn
