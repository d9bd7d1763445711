// JPEG and PNG decoding: what is accepted has as many pixels as it says.
#include <clb/base/error.hpp>
#include <clb/data/image_decode.hpp>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) try {
  const auto image = clb::data::decode_image({data, size}, "x");
  if (image.pixels.size() != static_cast<size_t>(image.height * image.width * 3)) std::abort();
  return 0;
} catch (const clb::base::Error&) {
  return 0;
}
