#include "clb/data/image_decode.hpp"

#include <clb/base/error.hpp>
#include <clb/base/image_kind.hpp>

#include "decoders.hpp"

namespace clb::data {

void check_image_size(uint64_t height, uint64_t width, size_t bytes, const std::string& name) {
  constexpr uint64_t kMaxPixelsPerByte = 10'000;  // above the densest PNG: 8 pixels in a byte, which deflate packs at most 1032 times
  const auto refuse = [&](const std::string& why) {
    throw base::Error(name + ": the image claims " + std::to_string(width) + " x " + std::to_string(height) + " pixels, " + why +
                      "; the file is damaged or not meant for this");
  };
  if (height == 0 || width == 0 || height > kMaxImageSide || width > kMaxImageSide || height * width > kMaxImagePixels)
    refuse("allowed are 1 to " + std::to_string(kMaxImagePixels) + " with sides up to " + std::to_string(kMaxImageSide));
  if (height * width / kMaxPixelsPerByte > bytes) refuse("more than its " + std::to_string(bytes) + " bytes can hold");
}

ImageSize decode_image(std::span<const uint8_t> bytes, const std::string& name, const Room& room) {
  const base::ImageKind kind = base::image_kind(bytes);
  if (kind == base::ImageKind::kJpeg) return decode_jpeg(bytes, name, room);
  if (kind == base::ImageKind::kPng) return decode_png(bytes, name, room);
  throw base::Error(name + ": the " + std::to_string(bytes.size()) +
                    " bytes begin neither like a JPEG nor like a PNG; the file is truncated or of another format");
}

DecodedImage decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  DecodedImage image;
  const ImageSize size = decode_image(bytes, name, [&](size_t count) {
    image.pixels.resize(count);
    return image.pixels.data();
  });
  image.height = size.height;
  image.width = size.width;
  return image;
}

}  // namespace clb::data
