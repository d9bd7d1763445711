// CLIP's tokeniser against the official one: fixtures clip_bpe.json (openai/CLIP) and clip_bpe_unicode.json (its rules with ftfy 6.3.1).
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/text/clean.hpp>
#include <clb/text/clip_tokens.hpp>
#include <clb/text/unicode.hpp>
#include <cstdlib>
#include <filesystem>

namespace clb::text {
namespace {

using base::Json;

const std::filesystem::path kVocabulary = CLB_SOURCE_DIR "/share/assets/clip_bpe/bpe_simple_vocab_16e6.txt.gz";

const ClipTokens& tokens() {
  static const ClipTokens made(base::MappedFile(kVocabulary).bytes(), kVocabulary.string());
  return made;
}

// Without CLB_GOLDEN_DIR the fixture must be there.
std::filesystem::path fixture(const std::string& name) {
  const char* folder = std::getenv("CLB_GOLDEN_DIR");
  return std::filesystem::path(folder && *folder ? folder : CLB_SOURCE_DIR "/tests/golden") / name;
}

void compare_with(const std::string& name) {
  const std::filesystem::path file = fixture(name);
  if (!std::filesystem::exists(file) && std::getenv("CLB_GOLDEN_DIR")) GTEST_SKIP() << "SKIPPED: no fixture " << name;
  const Json golden = base::parse_json(base::read_file(file), file.string());
  int64_t compared = 0;
  for (const Json& one : golden.at("cases")) {
    const auto text = one.at("text").get<std::string>();
    SCOPED_TRACE(text);
    EXPECT_EQ(encode_utf8(clip_clean(decode_utf8(text))), one.at("clean").get<std::string>());
    auto ids = tokens().encode(text);
    ids.insert(ids.begin(), tokens().start());
    ids.push_back(tokens().end());
    EXPECT_EQ(ids, one.at("ids").get<std::vector<int64_t>>());
    ++compared;
  }
  std::printf("  %s: %ld texts\n", name.c_str(), static_cast<long>(compared));
  EXPECT_GT(compared, 0);
}

TEST(ClipTokens, TextsOfTheReference) { compare_with("clip_bpe.json"); }
TEST(ClipTokens, UnicodeAndItsOddities) { compare_with("clip_bpe_unicode.json"); }

TEST(ClipTokens, ARowIsFilledWithZerosAndALongerTextIsRefusedOrCut) {
  const auto row = tokens().row("a photo of a cat.");
  ASSERT_EQ(row.size(), 77U);
  EXPECT_EQ(row[0], 49406);
  EXPECT_EQ(row[7], 49407);
  EXPECT_EQ(row[8], 0);
  EXPECT_EQ(tokens().row("", 4), (std::vector<int64_t>{49406, 49407, 0, 0}));
  std::string longer;
  for (int k = 0; k < 90; ++k) longer += "photo ";
  try {
    tokens().row(longer);
    FAIL() << "92 tokens do not fit into 77";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("92 tokens"), std::string::npos) << error.what();
  }
  const auto cut = tokens().row(longer, 77, ClipTokens::TooLong::kCut);
  ASSERT_EQ(cut.size(), 77U);
  EXPECT_EQ(cut[1], 1125);
  EXPECT_EQ(cut[75], 1125);
  EXPECT_EQ(cut[76], 49407);
  EXPECT_EQ(tokens().row(std::string(75, '5')).back(), 49407);  // 75 digits fit exactly
}

TEST(ClipTokens, DamagedVocabulariesAndBytesThatAreNoTextAreNamed) {
  const std::string packed = base::read_file(kVocabulary);
  const auto said = [](const std::string& bytes) {
    try {
      const ClipTokens made({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "vocab.gz");
    } catch (const base::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(said(packed.substr(0, 100'000)).find("cut short"), std::string::npos);
  EXPECT_NE(said("a title\ni n\nnot a pair\n").find("line 3"), std::string::npos);
  EXPECT_NE(said("").find("line 2"), std::string::npos);
  EXPECT_THROW(tokens().encode("\xff\xfe"), base::Error);
}

// Vocabularies of other sizes say so in their title.
TEST(ClipTokens, TheTitleSaysHowManyMergesThereAre) {
  const auto made = [](const std::string& bytes) {
    return ClipTokens({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "small");
  };
  const ClipTokens small = made("#version: 0.2 - 3 merges\nr e\nre d</w>\na r\nnever read\n");
  EXPECT_EQ(small.size(), 512 + 3 + 2);
  EXPECT_EQ(small.row("Red ar", 6), (std::vector<int64_t>{515, 513, 64, 256 + 81, 516, 0})) << "bytes make up what no merge does";
  EXPECT_THROW(made("#version: 0.2 - 3 merges\nr e\nre d</w>\n"), base::Error);
  EXPECT_THROW(made("#version: 0.2 - x3 merges\nr e\n"), base::Error);
}

}  // namespace
}  // namespace clb::text
