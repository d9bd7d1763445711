// A session on a dataset of feature vectors: they are served as main:cls, and nothing else is.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <clb/base/safetensors.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/stream.hpp>

#include "support/errors.hpp"
#include "support/temp_folder.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;
using data::Split;
using session::Session;
using session::Stream;

// Vector i of a split is [i, i + 0.5], its label i mod 4, its domain i mod 2.
std::string vectors(int64_t n) {
  std::vector<int64_t> labels, domains;
  std::vector<float> features;
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(i % 4), domains.push_back(i % 2);
    features.push_back(static_cast<float>(i)), features.push_back(static_cast<float>(i) + 0.5F);
  }
  std::string file =
      base::safetensors_header({{"domains", {"I64", {n}, 0, 0}}, {"features", {"F32", {n, 2}, 0, 0}}, {"labels", {"I64", {n}, 0, 0}}}, {});
  file.append(reinterpret_cast<const char*>(domains.data()), domains.size() * sizeof(int64_t));
  file.append(reinterpret_cast<const char*>(features.data()), features.size() * sizeof(float));
  return file.append(reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof(int64_t));
}

class VectorsTest : public ::testing::Test {
 protected:
  VectorsTest() {
    folder_.write("train.safetensors", vectors(12));
    folder_.write("test.safetensors", vectors(8));
    const auto info =
        base::DatasetInfo::from_json(session::describe({.file = std::string(CLB_BINARY_DIR) + "/lib/clbench/datasets/features.so",
                                                        .open = true,
                                                        .root = folder_.path().string(),
                                                        .cache_dir = (folder_.path() / "cache").string()}),
                                     "describe");
    spec_.dataset = {.id = info.id,
                     .file = info.file,
                     .root = info.root,
                     .fingerprint = info.fingerprint,
                     .modality = info.modality,
                     .class_count = info.class_count,
                     .feature_dim = info.feature_dim};
    spec_.method.id = "looker";
    spec_.protocol.class_order = {3, 2, 1, 0};
    spec_.protocol.task_sizes = {2, 2};
    spec_.threads = 1;
  }
  std::unique_ptr<Session> open(const std::string& cache) {
    spec_.execution.cache_dir = cache.empty() ? "" : (folder_.path() / cache).string();
    auto s = std::make_unique<Session>(spec_, torch::kCPU, "test", emitter_, spans_);
    s->task = 0;
    return s;
  }

  clb::testing::TempFolder folder_;
  base::RunSpec spec_;
  session::Emitter emitter_{::open("/dev/null", O_WRONLY)};
  base::Spans spans_;
};

TEST_F(VectorsTest, TheDatasetsRowsAreMainCls) {
  for (const std::string cache : {"", "cache"}) {
    const auto s = open(cache);
    EXPECT_EQ(s->features.dim("main:cls"), 2);
    const char* kinds[] = {"main:cls"};
    clb_stream_request request{};
    request.struct_size = sizeof request;
    request.sources = CLB_SOURCE_TRAIN;
    request.view = CLB_VIEW_EVAL;
    request.parts = kinds;
    request.part_count = 1;
    request.batch_size = 100;
    request.epochs = 1;
    Stream stream(*s, request);
    const auto batch = stream.next();
    ASSERT_TRUE(batch);
    const auto expected = torch::tensor({3.0F, 3.5F, 7.0F, 7.5F, 11.0F, 11.5F, 2.0F, 2.5F, 6.0F, 6.5F, 10.0F, 10.5F}).view({6, 2});
    EXPECT_TRUE(torch::equal(batch->part("main:cls"), expected)) << batch->part("main:cls");
    EXPECT_EQ(s->features.forwards_charged(), 0);
    EXPECT_EQ(s->store.pixels_read(), 0);
  }
}

TEST_F(VectorsTest, DomainsReachTheSession) {
  for (const std::string cache : {"", "cache"}) {
    const auto s = open(cache);
    const auto domains = s->store.domains(Split::kTest);
    ASSERT_EQ(domains.size(), 8u);
    EXPECT_EQ(domains[4], 0);
    EXPECT_EQ(domains[5], 1);
  }
}

TEST_F(VectorsTest, ImagesAndWeightsAreRefusedWithASentence) {
  const auto s = open("");
  const char* images[] = {CLB_PART_IMAGES};
  clb_stream_request request{};
  request.struct_size = sizeof request;
  request.sources = CLB_SOURCE_TRAIN;
  request.view = CLB_VIEW_TRAIN;
  request.parts = images;
  request.part_count = 1;
  request.batch_size = 1;
  request.epochs = 1;
  EXPECT_TRUE(contains(error_of<PluginError>([&] { Stream(*s, request); }),
                       "method looker asks for images, but dataset features holds feature vectors"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->backbones.at("main"); }), "feature vectors, which need none"));
  EXPECT_THROW(s->features.dim("main:patches"), PluginError);
}

}  // namespace
