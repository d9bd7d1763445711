// What the golden tests of modules share: parameters from a fixture, and a look at what passes through the network.
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/vit.hpp>
#include <map>
#include <string>

#include "golden/golden.hpp"

namespace clb::golden {

// The fixture's name of a module's parameter.
using Names = std::function<std::string(const std::string& parameter)>;

inline Names prefixed(const std::string& prefix) {
  return [prefix](const std::string& parameter) { return prefix + parameter; };
}

inline torch::Generator generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

// Initial values that a fixture is going to replace.
inline nn::Rng any_numbers() {
  return [](const std::string& name) { return at::detail::createCPUGenerator(std::hash<std::string>()(name)); };
}

// Gives every parameter the fixture's value.
inline void fill(nn::Module& module, const Golden& golden, const Names& names) {
  module.parameters([&](const std::string& name, torch::Tensor& t) {
    torch::Tensor value = golden[names(name)];
    ASSERT_EQ(value.sizes(), t.sizes()) << name;
    t = value.requires_grad_(t.requires_grad());
  });
}

// The network of a fixture.
inline nn::Vit backbone(const Golden& g) { return nn::Vit(g.with_prefix("vit."), {.heads = g.config()["heads"].get<int64_t>()}); }

inline std::map<std::string, torch::Tensor> parameters_of(nn::Module& module) {
  std::map<std::string, torch::Tensor> found;
  module.parameters([&](const std::string& name, torch::Tensor& t) { found[name] = t; });
  return found;
}

// Keeps what passes by, by name: "block0.in", "block0.out", "block0.attention", "block0.mlp_in". In a Together, one in front sees a block's
// output last, one at the end sees its input last.
class Tap final : public nn::Injection {
 public:
  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override { return keep(block, "in", x); }
  torch::Tensor after_block(int64_t block, const torch::Tensor& x) const override { return keep(block, "out", x); }
  torch::Tensor attention_weights(int64_t block, const torch::Tensor& w) const override { return keep(block, "attention", w); }
  bool changes_attention(int64_t) const override { return true; }
  torch::Tensor beside_mlp(int64_t block, const torch::Tensor& x, const torch::Tensor&) const override {
    keep(block, "mlp_in", x);
    return {};
  }

  mutable std::map<std::string, torch::Tensor> seen;

 private:
  torch::Tensor keep(int64_t block, const char* what, const torch::Tensor& x) const {
    return seen["block" + std::to_string(block) + "." + what] = x;
  }
};

}  // namespace clb::golden
