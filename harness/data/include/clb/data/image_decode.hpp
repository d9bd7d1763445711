// JPEG and PNG to RGB, as Pillow's convert("RGB") delivers them. No LibTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace clb::data {

struct DecodedImage {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

inline constexpr int64_t kMaxImagePixels = 100'000'000;
inline constexpr int64_t kMaxImageSide = 65'535;  // JPEG's own limit, and that of the decoded store

// The format is recognised from the first bytes. JPEG: grey and YCbCr/RGB. PNG: grey, palette, RGB, with alpha (dropped), 1 to 16 bits;
// of 16-bit grey the high byte is kept, where Pillow makes everything above 255 white. EXIF orientation is ignored.
// base::Error begins with `name` and says what is wrong: another format, CMYK, larger than the limits above, damaged, truncated. [any]
DecodedImage decode_image(std::span<const uint8_t> bytes, const std::string& name);

// The same into memory that `room` gives, asked once the size is known and allowed. Where an error follows, it holds anything.
struct ImageSize {
  int64_t height = 0, width = 0;
};
using Room = std::function<uint8_t*(size_t bytes)>;
ImageSize decode_image(std::span<const uint8_t> bytes, const std::string& name, const Room& room);

}  // namespace clb::data
