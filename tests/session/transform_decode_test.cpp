// Decoding against Pillow 13.0.0 (fixture image_decode: <name>.file are the bytes of a file, <name>.rgb what convert("RGB") makes of it).

#include <clb/base/error.hpp>
#include <clb/data/image_decode.hpp>

#include "golden/golden.hpp"
#include "support/damage.hpp"
#include "support/errors.hpp"

namespace clb::data {
namespace {

using testing::contains;
using testing::error_of;
using torch::Tensor;

std::span<const uint8_t> bytes_of(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
std::string text_of(const Tensor& bytes) {
  return {reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()), static_cast<size_t>(bytes.numel())};
}

bool refused(const std::string& file) {
  try {
    (void)decode_image(bytes_of(file), "x.img");
  } catch (const base::Error& error) {
    EXPECT_EQ(std::string(error.what()).rfind("x.img: ", 0), 0) << error.what();
    return true;
  }
  return false;
}

std::map<std::string, std::string> files(const golden::Golden& golden) {
  std::map<std::string, std::string> found;
  for (const auto& [name, tensor] : golden.tensors()) {
    if (name.ends_with(".file")) found[name.substr(0, name.size() - 5)] = text_of(tensor);
  }
  return found;
}

TEST(DecodeGolden, EqualsPillow) {
  CLB_GOLDEN(golden, "image_decode");
  for (const auto& [name, file] : files(golden)) {
    if (!golden.has(name + ".rgb")) continue;
    DecodedImage image = decode_image(bytes_of(file), name);
    golden.equal(name + ".rgb", torch::from_blob(image.pixels.data(), {image.height, image.width, 3}, torch::kUInt8));
  }
}

TEST(DecodeGolden, TruncatedFilesAreRefusedAtEveryLength) {
  CLB_GOLDEN(golden, "image_decode");
  for (const auto& [name, file] : files(golden)) {
    testing::for_each_truncation(file,
                                 [&](const std::string& part, size_t size) { EXPECT_TRUE(refused(part)) << name << " cut to " << size; });
  }
}

// Whatever a flipped bit makes of a file: pixels or a sentence, never a crash.
TEST(DecodeGolden, DamagedFilesDoNotCrash) {
  CLB_GOLDEN(golden, "image_decode");
  int refusals = 0;
  for (const auto& [name, file] : files(golden)) {
    const size_t end = std::min<size_t>(file.size(), 700);
    testing::for_each_bit_flip(file, 0, end,
                               [&](const std::string& damaged, size_t, int bit) { refusals += bit % 3 == 0 && refused(damaged); });
  }
  EXPECT_GT(refusals, 100);
}

TEST(Decode, SaysWhatIsWrong) {
  EXPECT_EQ(error_of<base::Error>([] { decode_image({}, "sample 7"); }),
            "sample 7: the 0 bytes begin neither like a JPEG nor like a PNG; the file is truncated or of another format");
  CLB_GOLDEN(golden, "image_decode");
  const auto all = files(golden);
  const auto complaint = [](const std::string& file) { return error_of<base::Error>([&] { decode_image(bytes_of(file), "f"); }); };
  EXPECT_EQ(complaint(all.at("refused_cmyk")),
            "f: the JPEG has 4 components (CMYK or unknown), but only grey and RGB images are read; convert it to RGB");
  std::string png = all.at("png_rgb");
  EXPECT_TRUE(contains(complaint(png.substr(0, 100)), "at offset")) << complaint(png.substr(0, 100));
  png[60] = static_cast<char>(png[60] ^ 1);
  EXPECT_TRUE(contains(complaint(png), "damaged")) << complaint(png);
}

// A small file that claims to be huge must not be believed.
TEST(Decode, SizeIsLimited) {
  CLB_GOLDEN(golden, "image_decode");
  std::string jpeg = files(golden).at("jpeg_420");
  const size_t frame = jpeg.find("\xff\xc0");  // marker, length, precision, height, width
  ASSERT_NE(frame, std::string::npos);
  for (size_t i = 5; i < 9; ++i) jpeg[frame + i] = '\xf0';
  EXPECT_TRUE(contains(error_of<base::Error>([&] { decode_image(bytes_of(jpeg), "f"); }), "61680 x 61680 pixels"));
  for (size_t i = 5; i < 9; ++i) jpeg[frame + i] = '\x20';
  const std::string said = error_of<base::Error>([&] { decode_image(bytes_of(jpeg), "f"); });
  EXPECT_TRUE(contains(said, "8224 x 8224 pixels, more than its ")) << said;
}

}  // namespace
}  // namespace clb::data
