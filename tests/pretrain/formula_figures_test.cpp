// The figures of the classes, and the masks of images.
#include <gtest/gtest.h>

#include <clb/formula/image.hpp>
#include <numeric>

namespace clb::formula {
namespace {

using Mask = std::array<float, kMask>;

float overlap(const Mask& a, const Mask& b) {
  float both = 0, any = 0;
  for (size_t k = 0; k < kMask; ++k) {
    both += std::min(a[k], b[k]);
    any += std::max(a[k], b[k]);
  }
  return any > 0 ? both / any : 1;
}

float area(const Mask& mask) { return std::accumulate(mask.begin(), mask.end(), 0.F) / kMask; }

TEST(FormulaFigures, AreAllDifferentAndNoneIsDegenerate) {
  constexpr int64_t kClasses = 200;
  const Painter painter({.seed = 0, .classes = kClasses});
  std::array<int, kFamilies> families{};
  for (int64_t a = 0; a < kClasses; ++a) {
    ++families[static_cast<size_t>(painter.family(a))];
    EXPECT_GT(area(painter.figure(a)), 0.08F) << "class " << a;
    EXPECT_LT(area(painter.figure(a)), 0.9F) << "class " << a;
    for (int64_t b = 0; b < a; ++b) EXPECT_LT(overlap(painter.figure(a), painter.figure(b)), 0.87F) << a << " and " << b;
  }
  for (const int count : families) EXPECT_GE(count, kClasses / 8);
}

// Plain figures on black, without anything else: where the mask is, the image is bright, and nowhere else.
TEST(FormulaMasks, CoverTheFigure) {
  const Painter painter({.seed = 2, .classes = 40, .grey = 1, .dark = 1, .clutter = 0, .several = 0.3, .plain = 1, .noise = 0});
  Image image;
  for (int64_t index = 0; index < 100; ++index) {
    painter.draw(index, image);
    std::array<int, kMask> seen{};
    for (size_t k = 0; k < kPixels; ++k) seen[k / kSide / 2 * kMaskSide + k % kSide / 2] += image.pixels[k];
    int decided = 0;
    for (size_t k = 0; k < kMask; ++k) {
      if (image.mask[k] != 0 && image.mask[k] != 1) continue;
      ++decided;
      EXPECT_EQ(seen[k] > 0, image.mask[k] == 1) << "image " << index << ", cell " << k;
    }
    EXPECT_GT(decided, kMask / 3) << "image " << index;
    EXPECT_GT(area(image.mask), 0.02F) << "image " << index;
  }
}

TEST(FormulaMasks, AtRestAreThoseOfTheClass) {
  const Painter painter({.seed = 2, .classes = 24, .variation = 0, .pose = 0, .several = 0});
  Image image;
  for (int64_t index = 0; index < 60; ++index) {
    painter.draw(index, image);
    const Mask figure = painter.figure(image.label);
    for (size_t k = 0; k < kMask; ++k) EXPECT_NEAR(image.mask[k], figure[k], 0.05F) << "image " << index << ", cell " << k;
  }
}

TEST(FormulaMasks, OfAClassAreAlikeAndStillDiffer) {
  const Painter painter({.seed = 2, .classes = 4, .several = 0});
  const Painter still({.seed = 2, .classes = 4, .pose = 0, .several = 0});
  Image image;
  float least = 1, sum = 0;
  for (int64_t index = 0; index < 80; ++index) {
    still.draw(index, image);
    sum += overlap(image.mask, still.figure(image.label)) / 80;
    painter.draw(index, image);
    least = std::min(least, overlap(image.mask, painter.figure(image.label)));
  }
  EXPECT_GT(sum, 0.75F) << "the figures of a class differ too much";
  EXPECT_LT(sum, 0.99F) << "they do not differ";
  EXPECT_LT(least, 0.6F) << "poses do not differ";
}

}  // namespace
}  // namespace clb::formula
