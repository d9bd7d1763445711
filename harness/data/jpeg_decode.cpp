// JPEG through libjpeg-turbo with Pillow's settings, which are the library's defaults: accurate integer DCT, fancy upsampling.
//
// libjpeg reports errors by a call that must not return. It jumps back here with longjmp, so the function that calls the library has only
// trivial locals; what must be released belongs to its caller.
#include <clb/base/error.hpp>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <optional>

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

// A file with what libjpeg-turbo reads ahead: its fast Huffman decoder works only while there are more bytes to come than the largest
// unit may take, which in a file of a few kilobytes they never are.
class Padded {
 public:
  static constexpr size_t kLargest = 64 << 10;  // in larger files it is their last part alone that would gain

  explicit Padded(std::span<const uint8_t> file) : size_(file.size()) {
    std::memcpy(bytes_, file.data(), size_);
    for (size_t k = 0; k < kAhead; k += 2) std::memcpy(bytes_ + size_ + k, "\xff\xd9", 2);  // markers of the end
  }
  std::span<const uint8_t> bytes() const { return {bytes_, size_ + kAhead}; }
  bool read_too_far(const JpegReader& reader) const { return reader.info.src->next_input_byte > bytes_ + size_; }

 private:
  static constexpr size_t kAhead = size_t{DCTSIZE2} * 8 * D_MAX_BLOCKS_IN_MCU;
  size_t size_;
  uint8_t bytes_[kLargest + kAhead];
};

void check(const JpegReader& reader, size_t in_file, const std::string& name) {
  check_image_size(reader.info.image_height, reader.info.image_width, in_file, name);
  const J_COLOR_SPACE space = reader.info.jpeg_color_space;
  if (space != JCS_GRAYSCALE && space != JCS_YCbCr && space != JCS_RGB) {
    throw base::Error(name + ": the JPEG has " + std::to_string(reader.info.num_components) +
                      " components (CMYK or unknown), but only grey and RGB images are read; convert it to RGB");
  }
}

// in_file: bytes of the file, without padding.
ImageSize decode(JpegReader& reader, std::span<const uint8_t> bytes, size_t in_file, const std::string& name, const Room& room) {
  const auto damaged = [&] {
    return base::Error(name + ": the JPEG cannot be decoded: " + reader.message + "; it is damaged or truncated");
  };
  if (!read_header(reader, bytes)) throw damaged();
  check(reader, in_file, name);
  const ImageSize image{reader.info.image_height, reader.info.image_width};
  const size_t count = static_cast<size_t>(image.height) * image.width;
  const int channels = reader.info.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
  uint8_t* pixels = room(count * 3);
  if (!read_pixels(reader, pixels, channels)) throw damaged();
  if (channels == 1) grey_to_rgb(pixels, count);
  return image;
}

// nullopt: the file has to be decoded as it is, which also tells what is wrong with it.
std::optional<ImageSize> decode_padded(std::span<const uint8_t> file, const std::string& name, const Room& room) try {
  const Padded padded(file);
  JpegReader reader;
  const ImageSize image = decode(reader, padded.bytes(), file.size(), name, room);
  return padded.read_too_far(reader) ? std::nullopt : std::optional(image);
} catch (const base::Error&) {
  return std::nullopt;
}

}  // namespace

ImageSize decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, const Room& room) {
  uint8_t* place = nullptr;
  size_t size = 0;
  const auto same_room = [&](size_t wanted) {
    if (wanted != size) place = room(size = wanted);
    return place;
  };
  if (bytes.size() <= Padded::kLargest)
    if (const auto image = decode_padded(bytes, name, same_room)) return *image;
  JpegReader reader;
  return decode(reader, bytes, bytes.size(), name, same_room);
}

}  // namespace clb::data
