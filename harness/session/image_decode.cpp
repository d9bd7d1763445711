#include "clb/session/image_decode.hpp"

#include <algorithm>
#include <array>
#include <clb/base/error.hpp>

#include "decoders.hpp"

namespace clb::session {
namespace {

template <size_t N>
bool begins_with(std::span<const uint8_t> bytes, const std::array<uint8_t, N>& magic) {
  return bytes.size() >= N && std::equal(magic.begin(), magic.end(), bytes.begin());
}

}  // namespace

void check_image_size(uint64_t height, uint64_t width, const std::string& name) {
  if (height == 0 || width == 0 || height > kMaxImagePixels / width) {
    throw base::Error(name + ": the image claims " + std::to_string(width) + " x " + std::to_string(height) + " pixels, allowed are 1 to " +
                      std::to_string(kMaxImagePixels) + "; the file is damaged or not meant for this");
  }
}

DecodedImage decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  constexpr std::array<uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};
  constexpr std::array<uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (begins_with(bytes, kJpeg)) return decode_jpeg(bytes, name);
  if (begins_with(bytes, kPng)) return decode_png(bytes, name);
  throw base::Error(name + ": the " + std::to_string(bytes.size()) +
                    " bytes begin neither like a JPEG nor like a PNG; the file is truncated or of another format");
}

}  // namespace clb::session
