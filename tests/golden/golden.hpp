// Golden fixtures: numbers computed by a reference implementation, to be met by ours.
//
//   CLB_GOLDEN(golden, "vit");                                       // absent: fails; skips the test by name in CLB_GOLDEN_DIR
//   Vit vit(golden.with_prefix("param."), {.heads = golden.config()["num_heads"]});
//   golden.close("feature", vit.cls(golden["input"]), 8e-6);         // prints the largest error, fails when it exceeds the bound
//   golden.equal("task0.order", order);                              // bit for bit
//   golden.expect_all_compared({"input", "param."});                 // everything else in the file was compared
//
// Fixtures lie flat in the folder CLB_GOLDEN_DIR, else in tests/golden or, those of one method, in plugins/METHOD/golden. A test takes all
// sizes from the fixture, so that it runs on any fixture of the same layout.
#pragma once

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/nn/weights.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace clb::golden {

// CLB_GOLDEN_DIR, null when it is not set.
inline const char* given_dir() {
  const char* given = std::getenv("CLB_GOLDEN_DIR");
  return given && *given ? given : nullptr;
}

inline std::filesystem::path file_of(const std::string& fixture) {
  const std::filesystem::path source(CLB_SOURCE_DIR), name(fixture + ".safetensors");
  if (const char* given = given_dir()) return std::filesystem::path(given) / name;
  const std::filesystem::path shared = source / "tests" / "golden" / name;
  return std::filesystem::exists(shared) ? shared : source / "plugins" / fixture / "golden" / name;
}

class Golden {
 public:
  explicit Golden(const std::string& fixture) : fixture_(fixture), path_(file_of(fixture)) {
    if (!present()) return;
    auto file = std::make_shared<base::MappedFile>(path_);
    tensors_ = nn::read_safetensors(file->bytes(), path_.string(), file);
    const nn::Metadata metadata = nn::read_safetensors_metadata(file->bytes(), path_.string());
    if (metadata.contains("config")) {
      config_ = base::parse_json(metadata.at("config"), path_.string() + ": config");
    } else {  // one entry for each value
      for (const auto& [key, value] : metadata) {
        if (key != "method") config_[key] = base::parse_json(value, path_.string() + ": " + key);
      }
    }
  }

  bool present() const { return std::filesystem::exists(path_); }
  const std::filesystem::path& path() const { return path_; }
  const base::Json& config() const { return config_; }  // the reference's configuration
  const nn::TensorMap& tensors() const { return tensors_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }

  // A tensor that the test reads, a copy that may be written to.
  torch::Tensor operator[](const std::string& name) const { return want(name).clone(); }

  // The tensors whose names begin with `prefix`, without it.
  nn::TensorMap with_prefix(const std::string& prefix) const {
    nn::TensorMap found;
    for (const auto& [name, tensor] : tensors_) {
      if (name.starts_with(prefix)) found[name.substr(prefix.size())] = tensor;
    }
    return found;
  }

  // |got - want| <= bound everywhere, bound = max(tolerance, 3e-6 times the largest |want|, 1e-7): the rule of the fixtures' descriptions.
  void close(const std::string& name, const torch::Tensor& got, double tolerance = 0) {
    const torch::Tensor expected = want(name).to(torch::kFloat64);
    const double largest = expected.numel() ? expected.abs().max().item<double>() : 0;
    compare(name, expected, got, std::max({tolerance, 3e-6 * largest, 1e-7}));
  }

  // The rule of the prompt fixtures: |got - want| <= absolute + 5e-5 times the largest finite |want|. Their masks (-inf) must be the same.
  void near(const std::string& name, const torch::Tensor& got, double absolute = 5e-6) {
    const torch::Tensor expected = want(name).to(torch::kFloat64);
    const torch::Tensor finite = expected.masked_fill(expected < kMasked, 0);
    compare(name, expected, got, absolute + 5e-5 * (finite.numel() ? finite.abs().max().item<double>() : 0));
  }

  // Equal bit for bit (also counts, orders, predictions).
  void equal(const std::string& name, const torch::Tensor& got) { compare(name, want(name).to(torch::kFloat64), got, 0); }

  // A value derived from several tensors of the fixture: compared and printed like a stored one.
  void close_to(const std::string& name, const torch::Tensor& expected, const torch::Tensor& got, double bound) {
    compare(name, expected.to(torch::kFloat64), got, bound);
  }

  // Fails for each tensor that was neither compared nor has one of these prefixes (inputs, parameters, information).
  void expect_all_compared(const std::vector<std::string>& not_compared) const {
    for (const auto& [name, tensor] : tensors_) {
      const bool excused =
          std::any_of(not_compared.begin(), not_compared.end(), [&](const std::string& prefix) { return name.starts_with(prefix); });
      if (!excused && !compared_.contains(name)) ADD_FAILURE() << fixture_ << ": tensor '" << name << "' was not compared";
    }
  }

 private:
  static constexpr double kMasked = -1e10;  // what lies below is a mask

  const torch::Tensor& want(const std::string& name) const {
    const auto it = tensors_.find(name);
    if (it == tensors_.end()) throw std::out_of_range(path_.string() + " has no tensor '" + name + "'");
    return it->second;
  }

  void compare(const std::string& name, const torch::Tensor& expected, const torch::Tensor& got, double bound) {
    compared_.insert(name);
    if (!got.defined() || got.sizes() != expected.sizes()) {
      ADD_FAILURE() << fixture_ << ": '" << name << "' has the wrong shape, expected " << expected.sizes() << ", got "
                    << (got.defined() ? got.sizes().vec() : std::vector<int64_t>{});
      return;
    }
    const torch::Tensor found = got.detach().cpu().to(torch::kFloat64), masked = expected < kMasked;
    if (!torch::equal(found < kMasked, masked)) ADD_FAILURE() << fixture_ << ": '" << name << "' is masked in other places";
    const torch::Tensor error = (found - expected).abs().masked_fill(masked, 0);
    const double largest = error.numel() ? error.max().item<double>() : 0;
    std::printf("  %-16s %-44s largest error %9.3g  bound %9.3g\n", fixture_.c_str(), name.c_str(), largest, bound);
    if (!(largest <= bound)) {  // also catches NaN
      ADD_FAILURE() << fixture_ << ": '" << name << "' differs by " << largest << " at element " << error.flatten().argmax().item<int64_t>()
                    << ", allowed is " << bound;
    }
  }

  std::string fixture_;
  std::filesystem::path path_;
  nn::TensorMap tensors_;
  base::Json config_;
  std::set<std::string> compared_;
};

}  // namespace clb::golden

#define CLB_GOLDEN(variable, fixture)                                                                                      \
  clb::golden::Golden variable(fixture);                                                                                   \
  if (!variable.present() && !clb::golden::given_dir()) FAIL() << variable.path().string() << " is missing from the tree"; \
  if (!variable.present()) GTEST_SKIP() << "fixture '" << (fixture) << "' is absent: " << variable.path().string()
