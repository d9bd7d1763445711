// What stands beside the stream of tasks: assets, captions as an endless stream of its own batch size, names of classes.
#include <clb/base/sha256.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/session/host.hpp>

#include "made_session.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

class Aux : public MadeSession {
 protected:
  Aux() {
    const auto file = folder_.write("captions.txt", "a dog\r\n\nan owl at night\na cat\n");
    spec_.assets["captions"] = base::hex(base::sha256_file(file));
    spec_.execution.asset_files["captions"] = file.string();
    for (int64_t c = 0; c < 10; ++c) spec_.text.names.push_back("thing " + std::to_string(c));
    spec_.text.templates = {"a photo of a {}.", "the {}"};
  }
  // The SDK's side of a session that is about to train `task`.
  Context context(session::Session& s) {
    host_ = std::make_unique<session::Host>(s);
    clb_session args{};
    args.struct_size = sizeof args;
    args.host = host_->table();
    args.device_type = kDLCPU;
    return Context(args);
  }
  static std::string text(const torch::Tensor& row) {
    return std::string(reinterpret_cast<const char*>(row.const_data_ptr<uint8_t>()), static_cast<size_t>(row.ne(0).sum().item<int64_t>()));
  }
  static std::vector<std::string> lines(const Batch& batch) {
    const auto captions = batch.part("aux:captions");
    std::vector<std::string> all;
    for (int64_t k = 0; k < batch.n; ++k) all.push_back(text(captions[k]));
    return all;
  }
  std::unique_ptr<session::Host> host_;
};

TEST_F(Aux, CaptionsComeInBatchesOfTheirOwnWithoutEnd) {
  const auto s = open(0);
  const Context ctx = context(*s);
  Batches batches = ctx.captions("captions").epochs(0).batches(2);
  EXPECT_EQ(batches.info().samples, 3);
  EXPECT_EQ(batches.info().batches, std::numeric_limits<int64_t>::max());
  Batch batch;
  for (int64_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(batches.next(batch));
    EXPECT_EQ(lines(batch), (std::vector<std::string>{"a dog", "an owl at night"}));
    ASSERT_TRUE(batches.next(batch));
    EXPECT_EQ(lines(batch), (std::vector<std::string>{"a cat"}));
    EXPECT_EQ(batch.epoch, round);
    EXPECT_FALSE(batch.labels.defined());
  }
}

TEST_F(Aux, CaptionsAreShuffledByTheSeedAndEndWithTheirEpochs) {
  const auto order = [&](int64_t seed) {
    spec_.seed = seed;
    const auto s = open(0);
    const Context ctx = context(*s);
    std::vector<std::string> all;
    for (const Batch& batch : ctx.captions("captions").shuffled().epochs(8).batches(3))
      for (const auto& line : lines(batch)) all.push_back(line);
    return all;
  };
  EXPECT_EQ(order(0).size(), 24u);
  EXPECT_EQ(order(0), order(0));
  EXPECT_NE(order(0), order(1));
}

TEST_F(Aux, WhatARunDoesNotHaveIsRefused) {
  const auto s = open(0);
  const Context ctx = context(*s);
  const auto said = [&](auto call) {
    ErrorSink::clear();
    EXPECT_THROW(call(), PluginError);
    return std::string(ErrorSink::take(CLB_E_INVALID, "nothing").what());
  };
  EXPECT_TRUE(contains(said([&] { ctx.asset("vocabulary"); }), "[assets.vocabulary]"));
  EXPECT_TRUE(contains(said([&] { ctx.captions("vocabulary").batches(2); }), "[assets.vocabulary]"));
  EXPECT_TRUE(contains(said([&] { ctx.captions("captions").images().batches(2); }), "no part \"images\""));
  EXPECT_TRUE(contains(said([&] { ctx.captions("captions").epochs(0).drop_last().batches(4); }), "endless"));
}

TEST_F(Aux, AnAssetThatWasReplacedIsRefused) {
  const auto s = open(0);
  const Context ctx = context(*s);
  EXPECT_EQ(ctx.asset("captions").substr(0, 5), "a dog");
  folder_.write("captions.txt", "another");
  const auto other = open(0);
  const Context again = context(*other);
  EXPECT_THROW(again.asset("captions"), PluginError);
}

TEST_F(Aux, NamesOfClassesSeenAndOfAllForZeroShot) {
  const auto s = open(0);  // four classes: 9, 8, 7, 6
  const Context ctx = context(*s);
  EXPECT_EQ(ctx.class_name(0), "thing 9");
  EXPECT_EQ(ctx.class_name(3), "thing 6");
  EXPECT_THROW(ctx.class_name(4), PluginError) << "of a task to come";
  EXPECT_EQ(ctx.templates(), (std::vector<std::string>{"a photo of a {}.", "the {}"}));
  spec_.method.capabilities = CLB_CAP_ZERO_SHOT;
  const auto zero_shot = open(0);
  EXPECT_EQ(context(*zero_shot).class_name(9), "thing 0");
  spec_.text = {};
  const auto without = open(0);
  EXPECT_THROW(context(*without).templates(), PluginError);
}

}  // namespace
}  // namespace clb::testing
