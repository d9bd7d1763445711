// Decoding where no fixture of Pillow reaches: camera orientation, 16-bit grey, sizes that a file cannot hold.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/data/image_decode.hpp>

#include "errors.hpp"
#include "png.hpp"

namespace clb::data {
namespace {

DecodedImage decode(const std::string& file) { return decode_image({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "f"); }

TEST(ImageDecode, TheOrientationOfACameraIsIgnored) {
  const std::string jpeg = base::read_file(base::fs::path(CLB_SOURCE_DIR) / "tests/fuzz/seeds/image/jpeg_420");
  // An APP1 segment with one entry, orientation (0x112) = 6: "rotate by 90 degrees".
  const std::string exif =
      std::string("Exif\0\0", 6) + std::string("MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 26);
  const std::string segment = std::string("\xff\xe1\0", 3) + static_cast<char>(exif.size() + 2) + exif;
  const DecodedImage plain = decode(jpeg), turned = decode(jpeg.substr(0, 2) + segment + jpeg.substr(2));
  EXPECT_EQ(turned.width, plain.width);
  EXPECT_EQ(turned.height, plain.height);
  EXPECT_EQ(turned.pixels, plain.pixels);
}

TEST(ImageDecode, SixteenBitGreyKeepsItsHighByte) {
  const std::string rows("\0\x12\x34\xff\x01", 5);
  EXPECT_EQ(decode(testing::png(2, 1, 16, 0, rows)).pixels, (std::vector<uint8_t>{0x12, 0x12, 0x12, 0xff, 0xff, 0xff}));
}

TEST(ImageDecode, ASmallFileCannotClaimAHugeImage) {
  const auto said = [](uint32_t width, uint32_t height) {
    return testing::error_of<base::Error>([&] { decode(testing::png(width, height, 8, 2, "")); });
  };
  EXPECT_TRUE(testing::contains(said(9000, 9000), "claims 9000 x 9000 pixels, more than its ")) << said(9000, 9000);
  EXPECT_TRUE(testing::contains(said(70'000, 1), "sides up to 65535")) << said(70'000, 1);
  EXPECT_TRUE(testing::contains(said(60'000, 60'000), "allowed are 1 to 100000000")) << said(60'000, 60'000);
}

// libjpeg-turbo's fast Huffman decoder passes over wrong codes in silence. It works where some kilobytes are still to come, so a copy of a
// small file with bytes behind it would be decoded faster and with damage unnoticed: small files must not be decoded that way.
TEST(ImageDecode, AWrongCodeInASmallFileIsNamed) {
  std::string jpeg = base::read_file(base::fs::path(CLB_SOURCE_DIR) / "tests/fuzz/seeds/image/jpeg_grey");
  EXPECT_FALSE(decode(jpeg).pixels.empty());
  jpeg[359] = static_cast<char>(jpeg[359] ^ 0x55);
  const std::string said = testing::error_of<base::Error>([&] { decode(jpeg); });
  EXPECT_TRUE(testing::contains(said, "bad Huffman code")) << said;
}

}  // namespace
}  // namespace clb::data
