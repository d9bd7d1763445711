// The runner took the weights, or the plugin, of a file that had been replaced or written into.
#include <clb/dataset.h>

#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/features/backbone.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/nn/vit.hpp>
#include <clb/nn/weights.hpp>

#include "support/errors.hpp"
#include "support/replace_file.hpp"
#include "support/temp_folder.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;
namespace fs = std::filesystem;

std::string weights(int64_t seed) {
  return nn::write_safetensors(nn::random_vit({.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2, .mlp = 32}, seed));
}
std::string sha256_of(const std::string& bytes) { return base::hex(base::sha256(std::string_view(bytes))); }

class ReplacedWeights : public ::testing::Test {
 protected:
  features::Backbone backbone() const {
    base::WeightsSpec spec;
    spec.role = "main";
    spec.file = file_.string();
    spec.sha256 = sha256_of(weights(1));
    spec.heads = 2;
    return {spec, 32, torch::kCPU, torch::kFloat32, torch::kFloat32};
  }
  clb::testing::TempFolder folder_;
  const fs::path file_ = folder_.write("vit.safetensors", weights(1));
};

TEST_F(ReplacedWeights, AreRefusedWithBothDigests) {
  clb::testing::overwrite_keeping_times(file_, weights(2));
  const std::string sentence = error_of<base::Error>([&] { backbone().bytes(); });
  for (const std::string& part : {sha256_of(weights(1)), sha256_of(weights(2)), std::string("was replaced")})
    EXPECT_TRUE(contains(sentence, part)) << sentence;
}

TEST_F(ReplacedWeights, ThatAreNoNetworkAtAllAreCalledReplacedToo) {
  std::ofstream(file_, std::ios::binary) << "something else";
  EXPECT_TRUE(contains(error_of<base::Error>([&] { backbone().bytes(); }), "was replaced"));
}

TEST_F(ReplacedWeights, AreNoticedWhenTheyAreWrittenIntoDuringTheRun) {
  auto used = backbone();
  used.expect_unchanged();
  EXPECT_EQ(used.bytes().size(), weights(1).size());
  used.expect_unchanged();
  clb::testing::overwrite_keeping_times(file_, weights(2));
  EXPECT_TRUE(contains(error_of<base::Error>([&] { used.expect_unchanged(); }), "wrote into the weights"));
}

TEST_F(ReplacedWeights, ThatComeIntoTheirPlaceDoNotDisturbARun) {
  auto used = backbone();
  used.bytes();
  fs::rename(folder_.write("new", weights(2)), file_);
  used.expect_unchanged();
  EXPECT_EQ(base::hex(base::sha256(used.bytes())), used.spec().sha256);
}

// A copy of its own, so that this process may spoil it.
class ReplacedPlugin : public ::testing::Test {
 protected:
  ReplacedPlugin() { fs::copy_file(built_, file_); }
  clb::testing::TempFolder folder_;
  const fs::path built_ = fs::path(CLB_BINARY_DIR) / "lib/clbench/datasets/features.so", file_ = folder_.path() / "features.so";
};

TEST_F(ReplacedPlugin, IsHashedAsItIsLoaded) {
  EXPECT_EQ(loader::plugin_hash(file_), base::hex(base::sha256_file(built_)));
  fs::rename(folder_.write("new", base::read_file(built_) + "another build"), file_);
  const auto load = [&] { loader::load_plugin(file_, "dataset", CLB_DATASET_ENTRY); };
  EXPECT_TRUE(contains(error_of<base::Error>(load), "was replaced while it was loaded"));
  loader::expect_plugins_unchanged();
}

TEST_F(ReplacedPlugin, IsNoticedWhenItIsWrittenInto) {
  loader::plugin_hash(file_);
  const std::string before = base::read_file(file_);
  std::string bytes = before;
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  clb::testing::overwrite_keeping_times(file_, bytes);
  EXPECT_TRUE(contains(error_of<base::Error>([] { loader::expect_plugins_unchanged(); }), "wrote into the plugin"));
  clb::testing::overwrite_keeping_times(file_, before);
  loader::expect_plugins_unchanged();
}

}  // namespace
