// PNG through libpng. Errors come back by longjmp, as in jpeg_decode.cpp, with the same precautions.
#include <clb/base/error.hpp>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

#include "decoders.hpp"

namespace clb::data {
namespace {

struct PngReader {
  std::span<const uint8_t> bytes;
  size_t at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf jump{};
  char message[160] = "out of memory";

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader.message, sizeof reader.message, "%s", message);
  std::longjmp(reader.jump, 1);
}

void ignore(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, size_t count) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader.bytes.size() - reader.at) png_error(png, "the data ends too early");
  std::memcpy(to, reader.bytes.data() + reader.at, count);
  reader.at += count;
}

// The header, and the conversions that make every kind of PNG 8-bit RGB.
bool read_header(PngReader& reader) {
  if (setjmp(reader.jump)) return false;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, fail, ignore);
  if (!reader.png) return false;
  reader.info = png_create_info_struct(reader.png);
  if (!reader.info) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_read_info(reader.png, reader.info);
  png_set_palette_to_rgb(reader.png);
  png_set_expand_gray_1_2_4_to_8(reader.png);
  png_set_strip_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_gray_to_rgb(reader.png);
  return true;
}

bool read_pixels(PngReader& reader, uint8_t* pixels, size_t height, size_t row_bytes) {
  if (setjmp(reader.jump)) return false;
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "its pixels do not become 8-bit RGB");
  for (int pass = 0; pass < passes; ++pass) {
    for (size_t y = 0; y < height; ++y) png_read_row(reader.png, pixels + y * row_bytes, nullptr);
  }
  png_read_end(reader.png, nullptr);
  return true;
}

}  // namespace

ImageSize decode_png(std::span<const uint8_t> bytes, const std::string& name, const Room& room) {
  PngReader reader;
  reader.bytes = bytes;
  const auto damaged = [&] {
    return base::Error(name + ": the PNG cannot be decoded at offset " + std::to_string(reader.at) + ": " + reader.message +
                       "; it is damaged or truncated");
  };
  if (!read_header(reader)) throw damaged();
  const ImageSize image{png_get_image_height(reader.png, reader.info), png_get_image_width(reader.png, reader.info)};
  check_image_size(static_cast<uint64_t>(image.height), static_cast<uint64_t>(image.width), bytes.size(), name);
  uint8_t* pixels = room(static_cast<size_t>(image.height) * image.width * 3);
  if (!read_pixels(reader, pixels, image.height, image.width * 3)) throw damaged();
  return image;
}

}  // namespace clb::data
