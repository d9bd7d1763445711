// The implementation for the processor. An image passes through each stage as rows [height, 3, width]: a stage turns it so that columns
// come first, makes the wanted columns, turns it back and makes the wanted rows. Both passes then run along contiguous memory.
#include "clb/data/transform.hpp"

#include <algorithm>
#include <clb/base/error.hpp>
#include <vector>

#include "jitter.hpp"
#include "transform_impl.hpp"

namespace clb::data {
namespace {

template <class Pixel>
struct Rows {
  std::vector<Pixel> pixels;  // [height, 3, width]
  int64_t height = 0, width = 0;
};

struct Strides {
  int64_t a, c, b;
};

// to[(a * 3 + c) * nb + b] = convert(from[a * sa + c * sc + b * sb]), in tiles that the cache holds.
template <class From, class To, class Convert>
void turn(const From* from, Strides s, int64_t na, int64_t nb, To* to, Convert convert) {
  constexpr int64_t kTile = 32;
  for (int64_t a0 = 0; a0 < na; a0 += kTile) {
    for (int64_t b0 = 0; b0 < nb; b0 += kTile) {
      for (int64_t a = a0; a < std::min(na, a0 + kTile); ++a) {
        for (int64_t c = 0; c < 3; ++c) {
          const From* source = from + a * s.a + c * s.c;
          To* target = to + (a * 3 + c) * nb;
          for (int64_t b = b0; b < std::min(nb, b0 + kTile); ++b) target[b] = convert(source[b * s.b]);
        }
      }
    }
  }
}

// One stage of an image whose pixel (y, x, c) lies at from[y * y_stride + x * x_stride + c * c_stride].
template <class Pixel, class Weight, class From, class Convert>
Rows<Pixel> run_stage(const Axis<Weight>& rows, const Axis<Weight>& columns, const From* from, int64_t y_stride, int64_t x_stride,
                      int64_t c_stride, Convert convert) {
  const auto [y0, y1] = rows.sources();
  const auto [x0, x1] = columns.sources();
  const int64_t height = y1 - y0, width = columns.size();
  std::vector<Pixel> by_column((x1 - x0) * 3 * height), wanted_columns(width * 3 * height), by_row(height * 3 * width);
  turn(from + y0 * y_stride + x0 * x_stride, {x_stride, c_stride, y_stride}, x1 - x0, height, by_column.data(), convert);
  resample(columns, by_column.data(), x0, 3 * height, wanted_columns.data());
  turn(wanted_columns.data(), {1, height, 3 * height}, height, width, by_row.data(), [](Pixel p) { return p; });
  Rows<Pixel> result{std::vector<Pixel>(rows.size() * 3 * width), rows.size(), width};
  resample(rows, by_row.data(), y0, 3 * width, result.pixels.data());
  return result;
}

template <class Pixel, class Table, class Convert>
Rows<Pixel> run_stages(const std::vector<Stage>& steps, const ImageView& image, Table table, Convert convert) {
  const int64_t grey = image.channels == 1;
  Rows<Pixel> rows = run_stage<Pixel>(*table(steps[0].rows), *table(steps[0].columns), image.pixels, image.width * image.channels,
                                      image.channels, grey ? 0 : 1, convert);
  for (size_t i = 1; i < steps.size(); ++i) {
    rows = run_stage<Pixel>(*table(steps[i].rows), *table(steps[i].columns), rows.pixels.data(), 3 * rows.width, 1, rows.width,
                            [](Pixel p) { return p; });
  }
  return rows;
}

// out[c][y][x] = value(c, rows[y][c][x])
template <class Pixel, class Out, class Value>
void to_planes(const Rows<Pixel>& rows, Out* out, Value value) {
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < rows.height; ++y) {
      const Pixel* row = rows.pixels.data() + (y * 3 + c) * rows.width;
      for (int64_t x = 0; x < rows.width; ++x) *out++ = value(c, row[x]);
    }
  }
}

void check(bool holds, const std::string& recipe, const std::string& sentence) {
  if (!holds) throw base::Error("transform \"" + recipe + "\": " + sentence);
}

}  // namespace

Transform::Transform(const base::TransformRecipe& recipe) {
  check(recipe.interpolation == "bicubic" || recipe.interpolation == "bilinear", recipe.name, "interpolation must be bicubic or bilinear");
  check(recipe.resampler == "pil" || recipe.resampler == "float", recipe.name, "resampler must be pil or float");
  const int crops = (recipe.center_crop > 0) + (recipe.random_crop > 0) + (recipe.random_resized_crop > 0);
  check(crops <= 1, recipe.name, "center_crop, random_crop and random_resized_crop exclude each other");
  check(recipe.jitter[3] == 0, recipe.name, "jitter of the hue is not supported");
  auto impl = std::make_unique<Impl>();
  impl->recipe = recipe;
  impl->filter = recipe.interpolation == "bicubic" ? Filter::kBicubic : Filter::kBilinear;
  impl->pil = recipe.resampler == "pil";
  check(impl->pil || !impl->jitters(), recipe.name, "colour jitter needs resampler = \"pil\"");
  for (int c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) {
      // torchvision's ToTensor and Normalize, float32 at every step.
      const float value = (static_cast<float>(v) / 255.0F - static_cast<float>(recipe.mean[c])) / static_cast<float>(recipe.std[c]);
      impl->table[c][v] = value;
      impl->table16[c][v] = c10::BFloat16(value).x;
    }
  }
  impl_ = std::move(impl);
}

Transform::~Transform() = default;
Transform::Transform(Transform&&) noexcept = default;
Transform& Transform::operator=(Transform&&) noexcept = default;

const base::TransformRecipe& Transform::recipe() const { return impl_->recipe; }

std::pair<int64_t, int64_t> Transform::output_size(int64_t h, int64_t w) const { return impl_->output_size(h, w); }

std::pair<int64_t, int64_t> Transform::Impl::output_size(int64_t h, int64_t w) const {
  const base::ImageSize crop = recipe.crop_size();
  return crop.area() > 0 ? std::pair{crop.height, crop.width} : resized(recipe, h, w);
}

void Transform::Impl::check_batch(std::span<const ImageView> images, std::span<const SampleParams> params, const torch::Tensor& out) const {
  const auto internal = [&](bool holds, const char* sentence) {
    if (!holds) throw base::Error("transform \"" + recipe.name + "\": " + sentence, base::Exit::kInternal);
  };
  const auto n = static_cast<int64_t>(images.size());
  internal(images.size() == params.size() && out.dim() == 4 && out.size(0) == n && out.size(1) == 3 && out.is_contiguous(),
           "the output must be a contiguous [n, 3, H, W] with as many samples as images and parameters");
  internal(out.scalar_type() == torch::kFloat32 || out.scalar_type() == torch::kBFloat16, "the output must be float32 or bfloat16");
  for (const ImageView& image : images) {
    internal(image.height > 0 && image.width > 0 && (image.channels == 1 || image.channels == 3),
             "an image needs pixels and 1 or 3 channels");
    const auto [h, w] = output_size(image.height, image.width);
    check(h == out.size(2) && w == out.size(3), recipe.name,
          "an image of " + std::to_string(image.height) + " x " + std::to_string(image.width) + " pixels becomes " + std::to_string(h) +
              " x " + std::to_string(w) + ", but the batch has " + std::to_string(out.size(2)) + " x " + std::to_string(out.size(3)) +
              "; end the recipe with a crop when the images differ in size");
  }
}

void Transform::apply(std::span<const ImageView> images, std::span<const SampleParams> params, torch::Tensor& out) const {
  if (!out.is_cpu()) return apply_batched(images, params, out);
  impl_->check_batch(images, params, out);
  const int64_t each = 3 * out.size(2) * out.size(3);
  const bool half = out.scalar_type() == torch::kBFloat16;
  const auto write = [&](size_t i, const auto& rows, const auto& value, const auto& value16) {
    const int64_t offset = static_cast<int64_t>(i) * each;
    if (half) {
      to_planes(rows, static_cast<uint16_t*>(out.data_ptr()) + offset, value16);
    } else {
      to_planes(rows, out.data_ptr<float>() + offset, value);
    }
  };
  for (size_t i = 0; i < images.size(); ++i) {
    const std::vector<Stage> steps = stages(impl_->recipe, images[i].height, images[i].width, params[i]);
    if (impl_->pil) {
      const auto table = [&](const AxisSpec& spec) { return impl_->pil_table(spec); };
      Rows<uint8_t> rows = run_stages<uint8_t>(steps, images[i], table, [](uint8_t v) { return v; });
      if (impl_->jitters()) jitter(rows.pixels.data(), rows.height, rows.width, params[i].jitter_order, params[i].jitter_factor);
      write(
          i, rows, [&](int64_t c, uint8_t v) { return impl_->table[c][v]; }, [&](int64_t c, uint8_t v) { return impl_->table16[c][v]; });
    } else {
      const auto table = [&](const AxisSpec& spec) { return impl_->float_table(spec); };
      const Rows<float> rows = run_stages<float>(steps, images[i], table, [](uint8_t v) { return static_cast<float>(v) / 255.0F; });
      const auto normalise = [&](int64_t c, float v) {
        return (v - static_cast<float>(impl_->recipe.mean[c])) / static_cast<float>(impl_->recipe.std[c]);
      };
      write(i, rows, normalise, [&](int64_t c, float v) { return c10::BFloat16(normalise(c, v)).x; });
    }
  }
}

}  // namespace clb::data
