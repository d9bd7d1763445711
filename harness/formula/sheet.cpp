#include "clb/formula/sheet.hpp"

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/json.hpp>

namespace clb::formula {
namespace {

constexpr int64_t kGap = 2;  // between images, before zooming
constexpr std::string_view kSoftware("Software\0clb-pretrain", 21);
constexpr size_t kAfterHeader = 8 + 4 + 4 + 13 + 4;  // a PNG's signature; length, name, contents and checksum of IHDR

// Side x side pixels, three bytes each.
struct Tile {
  int64_t side = 0;
  std::vector<uint8_t> rgb;
};

Tile tile_of(const std::array<float, kMask>& mask) {
  Tile tile{.side = kMaskSide, .rgb = {}};
  for (const float cell : mask) tile.rgb.insert(tile.rgb.end(), 3, static_cast<uint8_t>(std::clamp(255 * cell, 0.F, 255.F)));
  return tile;
}

Tile tile_of(const Image& image) {
  Tile tile{.side = kSide, .rgb = {}};
  for (size_t k = 0; k < kPixels; ++k)
    for (size_t c = 0; c < 3; ++c) tile.rgb.push_back(image.pixels[c * kPixels + k]);
  return tile;
}

Tile tile_of(const Painter& painter, SheetOf what, int64_t index) {
  if (what == SheetOf::kClasses) return tile_of(painter.figure(index));
  Image image;
  painter.draw(index, image);
  return what == SheetOf::kMasks ? tile_of(image.mask) : tile_of(image);
}

// A chunk tEXt that says who drew the sheet: libpng's simple interface writes none.
std::string mark() {
  const auto number = [](uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  const std::string text = "tEXt" + std::string(kSoftware);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  return number(static_cast<uint32_t>(kSoftware.size())) + text + number(static_cast<uint32_t>(crc));
}

std::string png(int64_t width, int64_t height, const std::vector<uint8_t>& rgb) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  std::string file;
  if (png_image_write_to_memory(&image, nullptr, &size, 0, rgb.data(), 0, nullptr) != 0) {
    file.resize(size);
    if (png_image_write_to_memory(&image, file.data(), &size, 0, rgb.data(), 0, nullptr) != 0) {
      file.resize(size);
      return file.insert(kAfterHeader, mark());
    }
  }
  throw base::Error(std::string("the sheet cannot be written as PNG: ") + image.message, base::Exit::kInternal);
}

// tile(k) is that of place k; all have `side` pixels.
std::string sheet_of(const std::function<Tile(int64_t k)>& tile_at, int64_t side, int64_t count, int64_t columns, int64_t zoom) {
  const int64_t cell = side + kGap, rows = (count + columns - 1) / columns;
  const int64_t width = columns * cell * zoom, height = rows * cell * zoom;
  std::vector<uint8_t> rgb(static_cast<size_t>(3 * width * height), 96);
  for (int64_t k = 0; k < count; ++k) {
    const Tile tile = tile_at(k);
    for (int64_t y = 0; y < tile.side * zoom; ++y) {
      for (int64_t x = 0; x < tile.side * zoom; ++x) {
        const int64_t to = (k / columns * cell * zoom + y) * width + k % columns * cell * zoom + x;
        std::copy_n(tile.rgb.begin() + 3 * (y / zoom * tile.side + x / zoom), 3, rgb.begin() + 3 * to);
      }
    }
  }
  return png(width, height, rgb);
}

}  // namespace

std::string sheet(const Painter& painter, SheetOf what, int64_t first, int64_t count, int64_t columns, int64_t zoom) {
  return sheet_of([&](int64_t k) { return tile_of(painter, what, first + k); }, what == SheetOf::kImages ? kSide : kMaskSide, count,
                  columns, zoom);
}

std::string sheet(const std::function<void(int64_t index, Image& image)>& draw, int64_t first, int64_t count, int64_t columns,
                  int64_t zoom) {
  const auto tile_at = [&](int64_t k) {
    Image image;
    draw(first + k, image);
    return tile_of(image);
  };
  return sheet_of(tile_at, kSide, count, columns, zoom);
}

bool is_sheet(std::string_view begin) { return begin.size() > kAfterHeader && begin.substr(kAfterHeader).starts_with(mark()); }

bool is_captions(std::string_view begin) {
  const base::Json line = base::Json::parse(begin.substr(0, begin.find('\n')), nullptr, false);
  const auto has = [&](const char* member) { return line.is_object() && line.contains(member); };
  return has("index") && has("texture") && has("colour") && has("background") && has("caption");
}

std::string captions(const Painter& painter, int64_t first, int64_t count) {
  std::string lines;
  Image image;
  for (int64_t index = first; index < first + count; ++index) {
    painter.draw(index, image);
    const Attributes& a = image.attributes;
    const base::Json line{{"index", index},
                          {"class", image.label},
                          {"family", name_of(a.family)},
                          {"texture", name_of(a.texture)},
                          {"colour", a.colour},
                          {"background", a.background},
                          {"count", a.count},
                          {"caption", caption(a)}};
    lines += base::canonical(line) + "\n";
  }
  return lines;
}

}  // namespace clb::formula
