// LoRA: low-rank deltas on frozen linear operations (Hu et al., ICLR 2022, arXiv:2106.09685), W + s B A, computed beside them as s B (A x);
// and what becomes of those of old tasks: one delta, however many tasks there were.
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/linear_site.hpp>
#include <clb/nn/rng.hpp>
#include <string>

namespace clb::nn {

struct LoraOptions {
  std::vector<int64_t> blocks = {};             // which blocks have them
  std::vector<std::string> sites = {"k", "v"};  // and on which operations, see linear_site
  int64_t rank = 5;
  double scale = 1;       // s; alpha / rank in the paper
  bool scales = false;    // s is learned, from `scale` on (LAE)
  bool frozen_a = false;  // only B (and s) is trained: InfLoRA, whose A is set by the method
};

// One delta, whose A and B are within the method's reach: penalties look at them, designs replace them.
struct LoraDelta {
  int64_t block;
  std::string site;
  LinearSite at;
  torch::Tensor a, b, s;  // [rank, in], [out, rank], [1] or undefined where it is not learned
  double scale;

  torch::Tensor factor() const { return s.defined() ? b * s : scale == 1 ? b : b * scale; }  // s B
  torch::Tensor delta() const { return factor().matmul(a); }                                 // s B A [out, in], with its gradient
};

// A: uniform within 1/sqrt(in); B: zero, so that a fresh delta changes nothing. Throws Error (invalid) for a site or block that is none, or
// a rank below 1 or above the operation's sides.
class Lora final : public Injection {
 public:
  Lora() = default;
  Lora(const BlocksShape& network, const LoraOptions& options, const Rng& rng);

  std::vector<LoraDelta>& deltas() { return deltas_; }  // block by block, sites in the order of the options
  const std::vector<LoraDelta>& deltas() const { return deltas_; }
  const LoraDelta& at(int64_t block, const std::string& site) const;  // throws Error (invalid) where there is none

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  int64_t begins_at() const override;
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;

 private:
  void parts(Parts& p) override;  // "<block>.k.a", "<block>.k.b", "<block>.k.scale" where s is learned
  std::vector<LoraDelta> deltas_;
};

// Sums of the deltas of finished tasks as one [out, in] each, frozen: a pass costs the same after any number of tasks.
class MergedLora final : public Injection {
 public:
  MergedLora() = default;
  explicit MergedLora(const Lora& like);  // of the same places, zero

  void add(const Lora& finished);  // throws Error (internal) for deltas of other places

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  int64_t begins_at() const override;
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;

 private:
  void parts(Parts& p) override;  // "<block>.k.delta"
  struct Place {
    int64_t block;
    std::string site;
    LinearSite at;
    torch::Tensor delta;  // [out, in]
  };
  std::vector<Place> places_;
};

}  // namespace clb::nn
