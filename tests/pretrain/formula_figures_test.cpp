// The figures of the classes, and the masks of images.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/formula/image.hpp>
#include <numeric>

namespace clb::formula {
namespace {

using Mask = std::array<float, kMask>;

float overlap(const Mask& a, const Mask& b) {
  float both = 0, any = 0;
  for (size_t k = 0; k < kMask; ++k) both += std::min(a[k], b[k]), any += std::max(a[k], b[k]);
  return any > 0 ? both / any : 1;
}

float area(const Mask& mask) { return std::accumulate(mask.begin(), mask.end(), 0.F) / kMask; }

TEST(FormulaFigures, AreAllDifferentAndNoneIsDegenerate) {
  constexpr int64_t kClasses = 200;
  const Painter painter({.seed = 0, .classes = kClasses});
  std::array<int, kFamilies> families{};
  for (int64_t a = 0; a < kClasses; ++a) {
    ++families[static_cast<size_t>(painter.family(a))];
    EXPECT_GT(area(painter.figure(a)), 0.1F) << "class " << a;
    EXPECT_LT(area(painter.figure(a)), 0.9F) << "class " << a;
    for (int64_t b = 0; b < a; ++b) EXPECT_LT(overlap(painter.figure(a), painter.figure(b)), 0.87F) << a << " and " << b;
  }
  for (const int count : families) EXPECT_GE(count, kClasses / 8);
}

TEST(FormulaFigures, MoreThanCanBeToldApartAreRefused) {
  try {
    Painter({.seed = 0, .classes = 5000});
    FAIL() << "5000 classes were found";
  } catch (const base::Error& e) {
    EXPECT_NE(std::string(e.what()).find("ask for fewer classes than 5000"), std::string::npos) << e.what();
  }
}

// Plain figures on black, without anything else: where the mask is, the image is bright, and nowhere else.
TEST(FormulaMasks, CoverTheFigure) {
  const Painter painter({.seed = 2, .classes = 40, .grey = 1, .dark = 1, .clutter = 0, .several = 0.3, .plain = 1, .noise = 0});
  Image image;
  for (int64_t index = 0; index < 100; ++index) {
    painter.draw(index, image);
    Mask seen{};
    for (size_t k = 0; k < kPixels; ++k) seen[k / kSide / 2 * kMaskSide + k % kSide / 2] += static_cast<float>(image.pixels[k]) / 4;
    float brightest = 0;
    for (const float cell : seen) brightest = std::max(brightest, cell);
    for (float& cell : seen) cell /= brightest;
    // The light of an image has a slope: the brightness of a covered cell may fall.
    EXPECT_GT(overlap(seen, image.mask), 0.6F) << "image " << index;
    for (size_t k = 0; k < kMask; ++k) {
      if (image.mask[k] == 0) EXPECT_EQ(seen[k], 0) << "image " << index << ", cell " << k;
      if (image.mask[k] == 1) EXPECT_GT(seen[k], 0) << "image " << index << ", cell " << k;
    }
  }
}

TEST(FormulaMasks, OfAClassResembleItsFigure) {
  const Painter painter({.seed = 2, .classes = 24, .variation = 0, .pose = 0, .several = 0});
  Image image;
  for (int64_t index = 0; index < 60; ++index) {
    painter.draw(index, image);
    float own = 0, others = 0;
    for (int64_t label = 0; label < 24; ++label) {
      const float alike = overlap(image.mask, painter.figure(label));
      (label == image.label ? own : others) = std::max(label == image.label ? own : others, alike);
    }
    EXPECT_GT(own, 0.5F);
    EXPECT_GT(own, others) << "image " << index << " of class " << image.label;
  }
}

}  // namespace
}  // namespace clb::formula
