// Training images in a saved state: as other numbers, spread over low bits, halved. A mean of several and noise are none.
#include <gtest/gtest.h>

#include <random>

#include "../../../harness/conformance/image_search.hpp"
#include "../../../harness/conformance/rig.hpp"

namespace {

using namespace clb::conformance;
using Pixels = std::vector<std::vector<uint8_t>>;

const Pixels& images() {
  static const Pixels all = [] {
    MadeStream stream;
    stream.task_sizes = {3, 3};
    stream.textured = true;
    return train_pixels(0, stream);
  }();
  return all;
}
const ImageSearch& search() {
  static const ImageSearch made(images(), kSide);
  return made;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Random numbers before and after, at an odd place.
std::string amid_noise(const std::string& bytes) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> noise(3000);
  for (float& v : noise) v = normal(random);
  return bytes_of(noise).substr(0, 5001) + bytes + bytes_of(noise).substr(0, 3003);
}

// Planes one behind the other, as methods see images.
std::vector<uint8_t> planes(const std::vector<uint8_t>& image) {
  std::vector<uint8_t> out;
  for (size_t c = 0; c < 3; ++c)
    for (size_t k = c; k < image.size(); k += 3) out.push_back(image[k]);
  return out;
}

void expect_found(const std::string& bytes, size_t image, const std::string& what) {
  const auto found = search().find(amid_noise(bytes));
  ASSERT_TRUE(found) << what;
  EXPECT_EQ(found->image, image) << what << ": " << found->as;
}

TEST(ImageSearch, FindsOneImageInManyForms) {
  const std::vector<uint8_t>& raw = images()[5];
  const std::vector<uint8_t> p = planes(raw);
  std::vector<float> floats, halves;
  std::vector<int8_t> centred;
  std::vector<double> doubles;
  std::string nibbles;
  for (size_t k = 0; k < p.size(); ++k) {
    floats.push_back((static_cast<float>(p[k]) / 255 - 0.48f) / -0.22f);
    centred.push_back(static_cast<int8_t>(p[k] - 128));
    doubles.push_back(p[k]);
    if (k % 2 == 0) nibbles += static_cast<char>((p[k] & 0xf0) | p[k + 1] >> 4);
  }
  constexpr size_t kWide = kSide;
  for (size_t c = 0; c < 3; ++c)
    for (size_t y = 0; y < kWide; y += 2)
      for (size_t x = 0; x < kWide; x += 2) {
        const uint8_t* at = p.data() + c * kWide * kWide + y * kWide + x;
        halves.push_back(static_cast<float>(at[0] + at[1] + at[kWide] + at[kWide + 1]));
      }
  expect_found(bytes_of(raw), 5, "interleaved uint8");
  expect_found(bytes_of(floats), 5, "normalised float32, bright for dark");
  expect_found(bytes_of(centred), 5, "int8");
  expect_found(bytes_of(doubles), 5, "float64");
  expect_found(nibbles, 5, "4 bits a pixel");
  expect_found(bytes_of(halves), 5, "half the side");
}

TEST(ImageSearch, FindsImagesInLowBits) {
  const std::vector<uint8_t> p = planes(images()[7]);
  std::mt19937 random(4);
  for (const size_t width : {8, 4, 2, 1}) {
    std::vector<uint32_t> words;
    for (size_t bit = 0; bit < p.size() * 8; bit += width) {
      const auto mask = static_cast<uint32_t>((1u << width) - 1);
      words.push_back((static_cast<uint32_t>(random()) & ~mask) | (static_cast<uint32_t>(p[bit / 8] >> bit % 8) & mask));
    }
    expect_found(bytes_of(words), 7, std::to_string(width) + " low bits");
  }
}

TEST(ImageSearch, MeansAndNoiseAreNoImages) {
  EXPECT_FALSE(search().find(amid_noise("")));
  EXPECT_FALSE(search().find(""));
  EXPECT_FALSE(search().find(std::string(100000, '\0')));
  std::vector<float> mean(3 * kSide * kSide);
  for (size_t i = 0; i < images().size(); i += 6) {  // of one class
    const std::vector<uint8_t> p = planes(images()[i]);
    for (size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<float>(p[k]);
  }
  EXPECT_FALSE(search().find(amid_noise(bytes_of(mean))));
}

}  // namespace
