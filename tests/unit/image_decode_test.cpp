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

// A small JPEG file is decoded from a copy with bytes behind it, a large one as it is: whatever the damage, both come to the same.
TEST(ImageDecode, SmallFilesAreDecodedLikeLargeOnes) {
  const std::string comment = std::string("\xff\xfe\xff\xff", 4) + std::string(0xfffd, ' ');
  const auto outcome = [](const std::string& file) -> std::pair<std::string, std::vector<uint8_t>> {
    DecodedImage image;
    const std::string said = testing::said_by<base::Error>([&] { image = decode(file); });
    return {said, image.pixels};
  };
  for (const char* seed : {"jpeg_420", "jpeg_444", "jpeg_grey", "jpeg_progressive", "jpeg_restart"}) {
    const std::string jpeg = base::read_file(base::fs::path(CLB_SOURCE_DIR) / "tests/fuzz/seeds/image" / seed);
    const auto large = [&](const std::string& file) { return file.substr(0, 2) + comment + comment + file.substr(2); };
    EXPECT_FALSE(outcome(jpeg).second.empty()) << seed;
    for (size_t end = 3; end < jpeg.size(); ++end) {
      const std::string cut = jpeg.substr(0, end);
      EXPECT_EQ(outcome(cut), outcome(large(cut))) << seed << " cut to " << end;
      EXPECT_NE(outcome(cut).first, "") << seed << " cut to " << end;
      std::string changed = jpeg;
      changed[end] = static_cast<char>(changed[end] ^ 0x55);
      EXPECT_EQ(outcome(changed), outcome(large(changed))) << seed << " changed at " << end;
    }
  }
}

}  // namespace
}  // namespace clb::data
