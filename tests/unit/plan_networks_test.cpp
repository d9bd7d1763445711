// Networks of other formats and images that are no squares, as the plan sees them.
#include <clb/base/clip_weights.hpp>

#include "errors.hpp"
#include "plan_fixture.hpp"

namespace clb::plan {
namespace {

using testing::kGood;
using testing::with_line;

std::string file_of(const std::vector<base::NamedSizes>& tensors, const std::map<std::string, std::string>& metadata = {}) {
  std::map<std::string, base::TensorEntry> entries;
  uint64_t bytes = 0;
  for (const base::NamedSizes& tensor : tensors) {
    entries[tensor.name] = {.dtype = "F32", .shape = tensor.sizes, .begin = 0, .end = 0};
    uint64_t count = 4;
    for (const int64_t side : tensor.sizes) count *= static_cast<uint64_t>(side);
    bytes += count;
  }
  return base::safetensors_header(entries, metadata) + std::string(bytes, '\0');
}

base::ClipShape small_clip() {
  base::ClipShape shape;
  shape.image = {.image = 32, .patch = 16, .channels = 3, .dim = 6, .depth = 1, .heads = 2, .mlp = 8};
  shape.text_dim = 4;
  shape.text_depth = 1;
  shape.text_heads = 1;
  shape.text_mlp = 8;
  shape.context = 5;
  shape.vocabulary = 9;
  shape.features = 3;
  return shape;
}

class PlanNetworks : public testing::PlanTest {
 protected:
  // kGood with this file as main weights and `more` beside it.
  std::string with_weights(const std::string& bytes, const std::string& more = "") {
    write("other.safetensors", bytes);
    std::string text = with_line(kGood, 10, "heads = 1" + (more.empty() ? "" : "\n" + more));
    text = with_line(text, 9, "sha256 = \"" + base::hex(base::sha256(std::string_view(bytes))) + "\"");
    return with_line(text, 8, "file = \"other.safetensors\"");
  }
};

TEST_F(PlanNetworks, AClipSaysItsFormatWhereItsNamesDoNot) {
  const std::string clip = file_of(base::clip_tensors(small_clip()));
  const std::string sentence = mistake(with_weights(clip));
  EXPECT_NE(sentence.find("format = \"openclip\" or \"openai_clip\""), std::string::npos) << sentence;
  EXPECT_EQ(plan(with_weights(clip, "format = \"openai_clip\"")).runs.at(0).weights.at(0).format, "openai_clip");
  EXPECT_EQ(plan(with_weights(file_of(base::clip_tensors(small_clip()), {{"format", "openclip"}}))).runs.at(0).weights.at(0).format,
            "openclip");
  auto archive = base::clip_tensors(small_clip());
  archive.push_back({"input_resolution", {}});
  EXPECT_EQ(plan(with_weights(file_of(archive))).runs.at(0).weights.at(0).format, "openai_clip");
  EXPECT_NE(mistake(with_weights(clip, "format = \"clip\"")).find("openai_clip"), std::string::npos);
}

TEST_F(PlanNetworks, TheFormatIsPartOfTheKeyAndAPlainVitsIsNot) {
  const std::string clip = file_of(base::clip_tensors(small_clip()));
  const auto spec = [&](const char* format) { return plan(with_weights(clip, std::string("format = \"") + format + "\"")).runs.at(0); };
  EXPECT_NE(spec("openclip").key(), spec("openai_clip").key());
  const auto plain = plan(kGood).runs.at(0);
  EXPECT_EQ(plain.weights.at(0).format, "timm_vit");
  EXPECT_FALSE(plain.to_json().at("weights").at(0).contains("format"));
  EXPECT_FALSE(plain.to_json().at("protocol").at("eval_transform").contains("crop_width"));
}

TEST_F(PlanNetworks, WhatIsMissingInAClipIsNamed) {
  auto tensors = base::clip_tensors(small_clip());
  std::erase_if(tensors, [](const auto& t) { return t.name == "ln_final.bias"; });
  EXPECT_NE(mistake(with_weights(file_of(tensors), "format = \"openclip\"")).find("'ln_final.bias' is missing"), std::string::npos);
  tensors = base::clip_tensors(small_clip());
  tensors.push_back({"visual.extra", {3}});
  EXPECT_NE(mistake(with_weights(file_of(tensors), "format = \"openclip\"")).find("'visual.extra' has no place in a CLIP"),
            std::string::npos);
  EXPECT_NE(
      mistake(with_weights(file_of(base::clip_tensors(small_clip())), "format = \"openclip\"\ntext_heads = 3")).find("text_heads = N"),
      std::string::npos);
}

TEST_F(PlanNetworks, ARecipeGivesHeightAndWidth) {
  write("share/recipes/plain.toml", "[train]\nresize = 40\nrandom_crop = [32, 16]\n[eval]\nresize = [32, 48]\n");
  const auto run = plan(with_line(kGood, 36, "")).runs.at(0);
  EXPECT_EQ(run.method.train_transform.output_size(), base::ImageSize(32, 16));
  EXPECT_EQ(run.protocol.eval_transform.output_size(), base::ImageSize(32, 48));
  EXPECT_TRUE(run.protocol.eval_transform.resize_square);
  EXPECT_EQ(base::RunSpec::from_json(run.to_json(), "spec").key(), run.key());
  write("share/recipes/plain.toml", "[train]\nresize = 32\n[eval]\ncenter_crop = [32, 40]\n");
  EXPECT_NE(mistake(with_line(kGood, 36, "")).find("images of 32 x 40"), std::string::npos);  // patches of side 16
  write("share/recipes/plain.toml", "[train]\nresize = 32\n[eval]\ncenter_crop = [32, 40, 3]\n");
  EXPECT_NE(mistake(with_line(kGood, 36, "")).find("[height, width]"), std::string::npos);
}

TEST_F(PlanNetworks, PositionsThatAreNoSquareAskForTheirImages) {
  const auto tensors = base::vit_tensors({.image = {32, 48}, .patch = 16, .channels = 3, .dim = 3, .depth = 1, .heads = 1, .mlp = 4});
  const std::string wide = file_of(tensors);
  EXPECT_NE(mistake(with_weights(wide)).find("positions for 6 that are no square grid"), std::string::npos);
  write("share/recipes/plain.toml", "[train]\nresize = 32\n[eval]\nresize = [32, 48]\n");
  EXPECT_EQ(mistake(with_weights(wide)), "");
}

// A method that reads names of classes gets the vocabulary of its text tower, by digest in the key and by place beside it.
class ReadsNames final : public testing::FakeCatalogue {
 public:
  base::MethodInfo method(const std::string& id) override {
    base::MethodInfo info = FakeCatalogue::method(id);
    if (reads) info.capabilities |= CLB_CAP_TEXT_TOWER;
    return info;
  }
  bool reads = true;
};

TEST_F(PlanNetworks, ATextTowerGetsTheVocabularyThatShips) {
  write("share/assets/clip_bpe/bpe_simple_vocab_16e6.txt.gz", "a vocabulary");
  write("good.toml", with_weights(file_of(base::clip_tensors(small_clip())), "format = \"openai_clip\""));
  ReadsNames catalogue;
  const base::RunSpec run = make_plan(options(), catalogue).runs.at(0);
  EXPECT_EQ(run.weights.at(0).vocabulary, base::hex(base::sha256(std::string_view("a vocabulary"))));
  EXPECT_EQ(run.execution.vocabulary_files.at("main"), (folder_ / "share/assets/clip_bpe/bpe_simple_vocab_16e6.txt.gz").string());
  const base::RunSpec read = base::RunSpec::from_json(run.to_json(), "spec");
  EXPECT_EQ(read.key(), run.key());
  EXPECT_EQ(read.execution.vocabulary_files, run.execution.vocabulary_files);
  write("share/assets/clip_bpe/bpe_simple_vocab_16e6.txt.gz", "another");
  EXPECT_NE(make_plan(options(), catalogue).runs.at(0).key(), run.key());
  write("mine.txt", "of this tower");
  write("good.toml", with_weights(file_of(base::clip_tensors(small_clip())), "format = \"openai_clip\"\nvocabulary = \"mine.txt\""));
  EXPECT_EQ(make_plan(options(), catalogue).runs.at(0).execution.vocabulary_files.at("main"), (folder_ / "mine.txt").string());
  EXPECT_EQ(make_plan(options(), catalogue).runs.at(0).weights.at(0).vocabulary,
            base::hex(base::sha256(std::string_view("of this tower"))));
  write("good.toml", with_weights(file_of(base::clip_tensors(small_clip())), "format = \"openai_clip\"\nvocabulary = \"no.txt\""));
  const std::string sentence = clb::testing::error_of<base::Error>([&] { (void)make_plan(options(), catalogue); });
  EXPECT_NE(sentence.find("weights.main: there is no vocabulary " + (folder_ / "no.txt").string()), std::string::npos) << sentence;
  catalogue.reads = false;
  EXPECT_EQ(make_plan(options(), catalogue).runs.at(0).weights.at(0).vocabulary, "");
  catalogue.reads = true;
  write("good.toml", kGood);
  EXPECT_EQ(make_plan(options(), catalogue).runs.at(0).weights.at(0).vocabulary, "") << "a ViT reads nothing";
}

}  // namespace
}  // namespace clb::plan
