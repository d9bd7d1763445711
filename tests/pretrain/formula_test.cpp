// Images from formulas: the same for the same seed, on any number of threads, and in words what they show.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/formula/batches.hpp>
#include <clb/formula/sheet.hpp>
#include <set>
#include <sstream>

namespace clb::formula {
namespace {

ImageOptions options(int64_t seed) { return {.seed = seed, .classes = 24}; }

std::vector<Batch> batches(const Painter& painter, int threads) {
  Batches source(painter, 16, 2, 8, threads);
  std::vector<Batch> all;
  for (int k = 2; k < 8; ++k) all.push_back(source.next());
  return all;
}

TEST(FormulaImages, DoNotDependOnThreads) {
  const Painter painter(options(3)), again(options(3));
  const auto one = batches(painter, 1), three = batches(again, 3);
  for (size_t k = 0; k < one.size(); ++k) {
    EXPECT_EQ(one[k].first, 16 * (static_cast<int64_t>(k) + 2));
    EXPECT_EQ(one[k].first, three[k].first);
    EXPECT_EQ(one[k].labels, three[k].labels);
    EXPECT_EQ(one[k].pixels, three[k].pixels);
    EXPECT_EQ(one[k].masks, three[k].masks);
    EXPECT_EQ(one[k].numbers, three[k].numbers);
  }
}

TEST(FormulaImages, BatchesThatAreNotTakenAreNoObstacle) {
  const Painter painter(options(3));
  Batches source(painter, 4, 0, 1'000'000, 2);
  EXPECT_EQ(source.next().first, 0);
}

TEST(FormulaImages, OtherSeedsAndIndicesGiveOtherImages) {
  const Painter a(options(3)), b(options(4));
  Image first, second, other;
  a.draw(7, first);
  a.draw(8, second);
  b.draw(7, other);
  EXPECT_NE(first.pixels, second.pixels);
  EXPECT_NE(first.pixels, other.pixels);
}

// The arithmetic of the formulas is IEEE 754's, without functions of a C library: these bytes are the same on every machine. A change of a
// formula changes what a published recipe means, and this number.
TEST(FormulaImages, KeepTheirBytes) {
  const Painter painter({.seed = 1, .classes = 48});
  base::Sha256 hash;
  Image image;
  for (int64_t k = 0; k < 200; ++k) {
    painter.draw(k, image);
    hash.update(image.pixels);
    hash.update(std::span(reinterpret_cast<const uint8_t*>(image.mask.data()), sizeof image.mask));
  }
  EXPECT_EQ(base::hex(hash.finish()), "9d030007b69b72384f5fa3b1eb419fed566daf51866a1c3b386c7e8b54224b6c");
}

TEST(FormulaImages, LabelsAreSpreadEvenly) {
  const Painter painter({.seed = 5, .classes = 8});
  std::vector<int> counts(8);
  for (const int64_t label : draw_batch(painter, 0, 800).labels) ++counts.at(static_cast<size_t>(label));
  for (const int count : counts) EXPECT_NEAR(count, 100, 40);
}

TEST(FormulaImages, TargetsLieInTheirRange) {
  const Painter painter(options(3));
  const Batch batch = draw_batch(painter, 0, 400);
  std::vector<float> lowest(kAttributes, 1e9F), highest(kAttributes, -1e9F);
  for (size_t k = 0; k < batch.numbers.size(); ++k) {
    EXPECT_TRUE(std::abs(batch.numbers[k]) <= 3.F) << "number " << k % kAttributes;
    lowest[k % kAttributes] = std::min(lowest[k % kAttributes], batch.numbers[k]);
    highest[k % kAttributes] = std::max(highest[k % kAttributes], batch.numbers[k]);
  }
  for (size_t k = 0; k < kAttributes; ++k) EXPECT_LT(lowest[k], highest[k]) << "number " << k << " is always the same";
}

TEST(FormulaImages, GreyOnesAreGrey) {
  const Painter painter({.seed = 3, .classes = 8, .grey = 1});
  const Batch batch = draw_batch(painter, 0, 50);
  for (size_t image = 0; image < 50; ++image)
    for (size_t k = 0; k < kPixels; ++k)
      EXPECT_EQ(batch.pixels[image * 3 * kPixels + k], batch.pixels[image * 3 * kPixels + 2 * kPixels + k]);
}

TEST(FormulaCaptions, SayWhatIsThere) {
  EXPECT_EQ(caption({.family = Family::kRadial, .texture = Texture::kStriped, .colour = "red", .background = "black", .count = 1}),
            "a red striped wavy round shape on a black background");
  EXPECT_EQ(caption({.family = Family::kPolygon, .texture = Texture::kPlain, .colour = "orange", .background = "orange", .count = 1}),
            "an orange polygon on an orange background");
  EXPECT_EQ(caption({.family = Family::kJulia, .texture = Texture::kDotted, .colour = "blue", .background = "grey", .count = 3}),
            "three blue dotted Julia sets on a grey background");
}

TEST(FormulaCaptions, AreOneObjectALine) {
  const Painter painter(options(3));
  std::istringstream lines(captions(painter, 5, 60));
  std::set<int> counts;
  int64_t index = 5;
  for (std::string text; std::getline(lines, text); ++index) {
    const base::Json line = base::parse_json(text, "a caption");
    Image image;
    painter.draw(index, image);
    EXPECT_EQ(line.at("index"), index);
    EXPECT_EQ(line.at("class"), image.label);
    EXPECT_EQ(line.at("family"), name_of(painter.family(image.label)));
    EXPECT_EQ(line.at("caption"), caption(image.attributes));
    EXPECT_NE(line.at("caption").get<std::string>().find(line.at("colour")), std::string::npos);
    for (const char* key : {"texture", "colour", "background"}) EXPECT_FALSE(line.at(key).get<std::string>().empty()) << key;
    counts.insert(line.at("count").get<int>());
  }
  EXPECT_EQ(index, 65);
  EXPECT_GT(counts.size(), 1U) << "some images have several figures";
}

TEST(FormulaSheet, IsAPngOfItsSize) {
  const Painter painter(options(3));
  const std::string file = sheet(painter, SheetOf::kImages, 0, 7, 4, 2);
  const auto image = data::decode_image({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "sheet");
  EXPECT_EQ(image.width, 4 * 34 * 2);
  EXPECT_EQ(image.height, 2 * 34 * 2);
}

}  // namespace
}  // namespace clb::formula
