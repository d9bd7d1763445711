// The decoders behind decode_image.
#pragma once

#include <span>
#include <string>

#include "clb/data/image_decode.hpp"

namespace clb::data {

ImageSize decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, const Room& room);
ImageSize decode_png(std::span<const uint8_t> bytes, const std::string& name, const Room& room);

// base::Error when an image of this size is refused. `bytes`: of its file, so that a small file cannot ask for hundreds of megabytes.
void check_image_size(uint64_t height, uint64_t width, size_t bytes, const std::string& name);

}  // namespace clb::data
