// What the host makes of sentences: features of a frozen text tower, computed once and kept, and token ids.
#include <clb/base/sha256.hpp>
#include <clb/nn/clip.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/text.hpp>
#include <clb/session/host.hpp>
#include <clb/text/clip_tokens.hpp>
#include <filesystem>

#include "made_session.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

constexpr const char* kVocabulary = CLB_SOURCE_DIR "/share/assets/clip_bpe/bpe_simple_vocab_16e6.txt.gz";

class TextFeatures : public MadeSession {
 protected:
  TextFeatures() {
    nn::ClipShape shape{.image = {.image = 32, .patch = 16, .dim = 12, .depth = 1, .heads = 2, .mlp = 24}};
    shape.text_dim = 8;
    shape.text_depth = 2;
    shape.text_heads = 2;
    shape.text_mlp = 16;
    shape.context = 12;
    shape.features = 10;
    tensors_ = nn::random_clip(shape, 3);
    const std::string bytes = nn::write_safetensors(tensors_);
    base::WeightsSpec clip;
    clip.role = "clip";
    clip.file = folder_.write("clip.safetensors", bytes).string();
    clip.sha256 = base::hex(base::sha256(std::string_view(bytes)));
    clip.format = "openclip";
    clip.heads = clip.text_heads = 2;
    clip.vocabulary = base::hex(base::sha256_file(kVocabulary));
    spec_.weights = {clip};
    spec_.execution.vocabulary_files["clip"] = kVocabulary;
    spec_.execution.cache_dir = (folder_.path() / "cache").string();
    for (int64_t c = 0; c < 10; ++c) spec_.text.names.push_back("thing " + std::to_string(c));
    spec_.text.templates = {"a photo of a {}.", "the {} and the {}"};
  }

  Context context(session::Session& s) {
    host_ = std::make_unique<session::Host>(s);
    clb_session args{};
    args.struct_size = sizeof args;
    args.host = host_->table();
    args.device_type = kDLCPU;
    return Context(args);
  }
  // What the tower makes of it, without host and cache.
  Tensor computed(const std::vector<std::string>& sentences) const {
    const base::MappedFile file(kVocabulary);
    const text::ClipTokens tokens(file.bytes(), kVocabulary);
    const nn::ClipText tower(tensors_, {.image_heads = 2, .text_heads = 2});
    std::vector<Tensor> ids;
    for (const auto& sentence : sentences) ids.push_back(torch::tensor(tokens.row(sentence, 12), torch::kInt64));
    return tower(at::stack(ids));
  }
  template <class Call>
  static std::string said(Call call) {
    ErrorSink::clear();
    EXPECT_THROW(call(), PluginError);
    return ErrorSink::take(CLB_E_INVALID, "nothing").what();
  }
  int64_t segments() const {  // of cached lists
    int64_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(spec_.execution.cache_dir))
      n += entry.path().extension() == ".safetensors" ? 1 : 0;
    return n;
  }

  nn::TensorMap tensors_;
  std::unique_ptr<session::Host> host_;
};

TEST_F(TextFeatures, AreTheTowersRowsOfTemplatesAndNames) {
  const auto s = open(0);  // classes 9, 8, 7, 6 are known
  const Context ctx = context(*s);
  const Tensor rows = class_texts(ctx, ctx.templates(), {3, 0}, "clip");
  ASSERT_EQ(rows.sizes(), (std::vector<int64_t>{2, 2, 10}));
  EXPECT_TRUE(torch::allclose(rows[0], computed({"a photo of a thing 6.", "a photo of a thing 9."}), 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(rows[1], computed({"the thing 6 and the thing 6", "the thing 9 and the thing 9"}), 1e-5, 1e-5));
  EXPECT_GT((rows[0][0] - rows[0][1]).abs().max().item<double>(), 1e-3) << "names make a difference";
  const Tensor ensemble = text_ensemble(rows);
  const auto unit = [](const Tensor& x) { return x / x.norm(2, -1, true); };
  EXPECT_TRUE(torch::allclose(ensemble, unit((unit(rows[0]) + unit(rows[1])) / 2), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(ctx.text_rows({"any sentence"}, "clip"), computed({"any sentence"}), 1e-5, 1e-5));
  EXPECT_EQ(ctx.text_rows({}, "clip").sizes(), (std::vector<int64_t>{0, 10}));
  EXPECT_FALSE(rows.is_inference());
}

TEST_F(TextFeatures, AreComputedOnceForAllRuns) {
  Tensor first;
  {
    const auto s = open(0);
    first = class_texts(context(*s), {"a photo of a {}."}, classes_up_to(4), "clip");
    EXPECT_EQ(segments(), 1) << "all ten classes of the data set together";
    class_texts(context(*s), {"a photo of a {}."}, classes_up_to(2), "clip");
    EXPECT_EQ(segments(), 1);
    EXPECT_EQ(s->text.seconds_saved(), 0) << "this run has paid for them";
  }
  std::swap(spec_.protocol.class_order[0], spec_.protocol.class_order[5]);  // another order, other tasks
  spec_.seed = 4;
  spec_.method.capabilities = CLB_CAP_ZERO_SHOT;
  folder_.write("vocabulary", "no longer read");
  spec_.execution.vocabulary_files["clip"] = (folder_.path() / "vocabulary").string();
  const auto s = open(0);
  const Tensor again = class_texts(context(*s), {"a photo of a {}."}, {5, 1, 2, 3}, "clip");
  EXPECT_TRUE(torch::equal(again, first)) << "from the cache, with neither tokeniser nor tower";
  EXPECT_GT(s->text.seconds_saved(), 0);
  const base::Json counts = s->text.counts();
  const auto resumed = open(0);
  resumed->text.take_up(counts);
  class_texts(context(*resumed), {"a photo of a {}."}, {5}, "clip");
  EXPECT_EQ(resumed->text.counts(), counts) << "counted once";
}

TEST_F(TextFeatures, ADamagedSegmentIsComputedAgain) {
  const auto rows = [&] {
    const auto s = open(0);
    return context(*s).text_rows({"one", "two"}, "clip");
  };
  const Tensor first = rows();
  for (const auto& entry : fs::recursive_directory_iterator(spec_.execution.cache_dir))
    if (entry.path().extension() == ".safetensors") fs::resize_file(entry.path(), 100);
  EXPECT_TRUE(torch::equal(rows(), first));
  spec_.execution.cache_dir.clear();
  EXPECT_TRUE(torch::equal(rows(), first)) << "without a cache";
}

TEST_F(TextFeatures, OtherWeightsSentencesAndPrecisionAreOtherRows) {
  const auto row = [&](const char* sentence) {
    const auto s = open(0);
    return context(*s).text_rows({sentence}, "clip");
  };
  const Tensor first = row("one");
  EXPECT_FALSE(torch::equal(row("two"), first));
  spec_.precision = "bf16";
  EXPECT_FALSE(torch::equal(row("one"), first));
  EXPECT_EQ(segments(), 3);
}

TEST_F(TextFeatures, TokensAreTheTokenisersRows) {
  const auto s = open(0);
  const Context ctx = context(*s);
  const Tensor ids = class_tokens(ctx, "a photo of a {}.", {0}, "clip");
  EXPECT_EQ(ids.sizes(), (std::vector<int64_t>{1, 12}));
  EXPECT_EQ(ids[0][1].item<int64_t>(), 320) << "a";
  const std::string many = "one two three four five six seven eight nine ten eleven twelve";
  EXPECT_TRUE(contains(said([&] { ctx.tokens({many}, "clip"); }), "14 tokens"));
  EXPECT_TRUE(contains(said([&] { ctx.text_rows({many}, "clip"); }), "14 tokens"));
  const Tensor cut = ctx.tokens({many}, "clip", Context::TooLong::kCut);
  EXPECT_EQ(cut[0][11].item<int64_t>(), 49407);
  EXPECT_EQ(ctx.text_rows({many}, "clip", Context::TooLong::kCut).size(0), 1);
}

TEST_F(TextFeatures, WhatIsNotThereIsRefused) {
  const auto s = open(0);
  const Context ctx = context(*s);
  EXPECT_TRUE(contains(said([&] { ctx.class_text_rows("the {}", {4}, "clip"); }), "only those seen")) << "of a task to come";
  EXPECT_TRUE(contains(said([&] { ctx.class_text_rows("the thing", {0}, "clip"); }), "has no {}"));
  EXPECT_TRUE(contains(said([&] { ctx.text_rows({"a"}, "main"); }), "[weights.main]"));
  EXPECT_TRUE(contains(said([&] { ctx.text_rows({"\xff"}, "clip"); }), "UTF-8"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { chosen_templates(ctx, {.number = 2}); }), "has 2, counted from 0"));
  EXPECT_EQ(chosen_templates(ctx, {.templates = "first"}).size(), 1u);
  EXPECT_EQ(chosen_templates(ctx, {.number = 1})[0], "the {} and the {}");
  EXPECT_EQ(chosen_templates(ctx, {.prompt = "a bad {}"})[0], "a bad {}");
  EXPECT_THROW(chosen_templates(ctx, {.prompt = "no place"}), PluginError);
  spec_.weights[0].vocabulary = std::string(64, '0');
  const auto other = open(0);
  EXPECT_TRUE(contains(said([&] { context(*other).tokens({"a"}, "clip"); }), "was planned with"));
  spec_.text = {};
  const auto without = open(0);
  EXPECT_THROW(context(*without).text_rows({"a"}, "clip"), PluginError) << "the run's method claims no text tower";
}

}  // namespace
}  // namespace clb::testing
