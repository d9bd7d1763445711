#include "clb/nn/lora.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

// y with `more` added to the columns of a site: those of q, k or v, or all.
Tensor with_columns(const Tensor& y, const LinearSite& at, const Tensor& more) {
  if (at.outputs == y.size(-1)) return y + more;
  std::vector<Tensor> thirds = y.chunk(3, -1);  // q, k, v [n, t, d]
  Tensor& third = thirds[static_cast<size_t>(at.first / at.outputs)];
  third = third + more;
  return at::cat(thirds, -1);
}

std::string prefix(int64_t block, const std::string& site) { return std::to_string(block) + "." + site + "."; }

template <class Places>
int64_t first_block(const Places& places) {
  std::vector<int64_t> blocks;
  for (const auto& place : places) blocks.push_back(place.block);
  return first_of(blocks);
}

}  // namespace

Lora::Lora(const BlocksShape& network, const LoraOptions& options, const Rng& rng) {
  for (const int64_t block : options.blocks) {
    if (block < 0 || block >= network.depth)
      throw Error(ErrorKind::kInvalid, "LoRA in block " + std::to_string(block) + " of a network of " + std::to_string(network.depth));
    for (const std::string& site : options.sites) {
      const LinearSite at = linear_site(site, network.dim, network.mlp);
      if (options.rank < 1 || options.rank > std::min(at.inputs, at.outputs)) {
        throw Error(ErrorKind::kInvalid, "LoRA of rank " + std::to_string(options.rank) + " on " + site + " [" +
                                             std::to_string(at.outputs) + ", " + std::to_string(at.inputs) +
                                             "]; 1 to the smaller side was expected");
      }
      deltas_.push_back({.block = block,
                         .site = site,
                         .at = at,
                         .a = linear_weight(options.rank, at.inputs, rng(prefix(block, site) + "a")),
                         .b = torch::zeros({at.outputs, options.rank}),
                         .s = options.scales ? torch::full(1, options.scale) : Tensor(),
                         .scale = options.scale});
    }
  }
  unfreeze(*this);
  if (options.frozen_a)
    for (LoraDelta& d : deltas_) d.a = d.a.detach();
}

const LoraDelta& Lora::at(int64_t block, const std::string& site) const {
  for (const LoraDelta& d : deltas_)
    if (d.block == block && d.site == site) return d;
  throw Error(ErrorKind::kInvalid, "there is no LoRA on " + site + " of block " + std::to_string(block));
}

int64_t Lora::begins_at() const { return first_block(deltas_); }

Tensor Lora::at(Site site, int64_t block, const Tensor& x, const Tensor& y) const {
  Tensor changed = y;
  for (const LoraDelta& d : deltas_) {
    if (d.at.site != site || d.block != block) continue;
    changed = with_columns(changed, d.at, at::linear(at::linear(x, as_type_of(x, d.a)), as_type_of(x, d.factor())));
  }
  return changed;
}

void Lora::parts(Parts& p) {
  for (LoraDelta& d : deltas_)
    p(prefix(d.block, d.site) + "a", d.a)(prefix(d.block, d.site) + "b", d.b)(prefix(d.block, d.site) + "scale", d.s);
}

MergedLora::MergedLora(const Lora& like) {
  for (const LoraDelta& d : like.deltas())
    places_.push_back({d.block, d.site, d.at, torch::zeros({d.at.outputs, d.at.inputs}, d.a.options().requires_grad(false))});
}

void MergedLora::add(const Lora& finished) {
  const torch::NoGradGuard no_grad;
  if (finished.deltas().size() != places_.size())
    throw Error(ErrorKind::kInternal, "a LoRA of other places cannot be merged into this one");
  for (size_t k = 0; k < places_.size(); ++k) {
    const LoraDelta& d = finished.deltas()[k];
    if (d.block != places_[k].block || d.site != places_[k].site)
      throw Error(ErrorKind::kInternal, "a LoRA of other places cannot be merged into this one");
    places_[k].delta = places_[k].delta + d.delta().to(places_[k].delta.device());
  }
}

int64_t MergedLora::begins_at() const { return first_block(places_); }

Tensor MergedLora::at(Site site, int64_t block, const Tensor& x, const Tensor& y) const {
  Tensor changed = y;
  for (const Place& p : places_)
    if (p.at.site == site && p.block == block) changed = with_columns(changed, p.at, at::linear(x, as_type_of(x, p.delta)));
  return changed;
}

void MergedLora::parts(Parts& p) {
  for (Place& place : places_) p(prefix(place.block, place.site) + "delta", place.delta);
}

}  // namespace clb::nn
