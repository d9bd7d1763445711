// JPEG through libjpeg-turbo with Pillow's settings, which are the library's defaults: accurate integer DCT, fancy upsampling.
//
// libjpeg reports errors by a call that must not return. It jumps back here with longjmp, so the function that calls the library has only
// trivial locals; what must be released belongs to its caller.
#include <clb/base/error.hpp>
#include <csetjmp>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include "decoders.hpp"

namespace clb::data {
namespace {

struct JpegReader {
  jpeg_error_mgr errors{};  // first: the library hands out a pointer to it
  jpeg_decompress_struct info{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";

  ~JpegReader() { jpeg_destroy_decompress(&info); }
};

JpegReader& reader_of(j_common_ptr info) { return *reinterpret_cast<JpegReader*>(info->err); }

[[noreturn]] void fail(j_common_ptr info) {
  JpegReader& reader = reader_of(info);
  info->err->format_message(info, reader.message);
  std::longjmp(reader.jump, 1);
}

// Warnings that mean missing or wrong pixels are failures; harmless oddities (bytes between markers) are passed over, as Pillow does.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
      fail(info);
    default:
      break;
  }
}

// The header; false: reader.message says why not.
bool read_header(JpegReader& reader, std::span<const uint8_t> bytes) {
  if (setjmp(reader.jump)) return false;
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = fail;
  reader.errors.emit_message = on_message;
  jpeg_create_decompress(&reader.info);
  jpeg_mem_src(&reader.info, bytes.data(), bytes.size());
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

// The pixels, `channels` a pixel.
bool read_pixels(JpegReader& reader, uint8_t* pixels, int channels) {
  if (setjmp(reader.jump)) return false;
  reader.info.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&reader.info);
  while (reader.info.output_scanline < reader.info.output_height) {
    JSAMPROW row = pixels + size_t{reader.info.output_scanline} * reader.info.output_width * channels;
    jpeg_read_scanlines(&reader.info, &row, 1);
  }
  jpeg_finish_decompress(&reader.info);
  return true;
}

// Spreads [pixels] in the front of the buffer to [pixels, 3], from the end so that nothing is overwritten before it is read.
void grey_to_rgb(uint8_t* buffer, size_t pixels) {
  for (size_t i = pixels; i-- > 0;) buffer[3 * i] = buffer[3 * i + 1] = buffer[3 * i + 2] = buffer[i];
}

}  // namespace

ImageSize decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, const Room& room) {
  JpegReader reader;
  const auto damaged = [&] {
    return base::Error(name + ": the JPEG cannot be decoded: " + reader.message + "; it is damaged or truncated");
  };
  if (!read_header(reader, bytes)) throw damaged();
  check_image_size(reader.info.image_height, reader.info.image_width, bytes.size(), name);
  const J_COLOR_SPACE space = reader.info.jpeg_color_space;
  if (space != JCS_GRAYSCALE && space != JCS_YCbCr && space != JCS_RGB) {
    throw base::Error(name + ": the JPEG has " + std::to_string(reader.info.num_components) +
                      " components (CMYK or unknown), but only grey and RGB images are read; convert it to RGB");
  }
  const ImageSize image{reader.info.image_height, reader.info.image_width};
  const size_t count = static_cast<size_t>(image.height) * image.width;
  uint8_t* pixels = room(count * 3);
  const int channels = space == JCS_GRAYSCALE ? 1 : 3;
  if (!read_pixels(reader, pixels, channels)) throw damaged();
  if (channels == 1) grey_to_rgb(pixels, count);
  return image;
}

}  // namespace clb::data
