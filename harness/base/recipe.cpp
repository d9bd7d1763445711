#include <algorithm>
#include <clb/base/recipe.hpp>

#include "members.hpp"
#include "neutral.hpp"

namespace clb::base {

namespace {

constexpr int64_t kMaxSide = 16384;

template <size_t N>
std::array<double, N> fixed(const std::vector<double>& values) {
  std::array<double, N> array{};
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

void check_range(const Members& m, const char* name, const std::array<double, 2>& range, double max) {
  if (!(range[0] > 0 && range[0] <= range[1] && range[1] <= max)) m.fail(name, "must be two rising numbers in (0, " + canonical(max) + "]");
}

}  // namespace

ImageSize TransformRecipe::crop_size() const {
  const int64_t side = random_resized_crop ? random_resized_crop : random_crop ? random_crop : center_crop;
  return {side, crop_width && side ? crop_width : side};
}

ImageSize TransformRecipe::output_size() const {
  if (crop_size() != ImageSize()) return crop_size();
  return {resize, resize_square && resize_width ? resize_width : resize};
}

Json TransformRecipe::to_json() const {
  return without_neutral("recipe", {{"name", name},
                                    {"resampler", resampler},
                                    {"antialias", antialias},
                                    {"interpolation", interpolation},
                                    {"resize", resize},
                                    {"resize_square", resize_square},
                                    {"resize_width", resize_width},
                                    {"center_crop", center_crop},
                                    {"random_crop", random_crop},
                                    {"random_resized_crop", random_resized_crop},
                                    {"crop_width", crop_width},
                                    {"scale", scale},
                                    {"ratio", ratio},
                                    {"flip", flip},
                                    {"jitter", jitter},
                                    {"mean", mean},
                                    {"std", std}});
}

TransformRecipe TransformRecipe::from_json(const Json& json, const std::string& where) {
  Members m(json, where, Exit::kUserMistake, "", "recipe");
  TransformRecipe r;
  r.name = m.text("name");
  r.resampler = m.choice("resampler", {"pil", "float"});
  r.antialias = m.flag("antialias");
  r.interpolation = m.choice("interpolation", {"bicubic", "bilinear"});
  r.resize = m.integer("resize", 0, kMaxSide);
  r.resize_square = m.flag("resize_square");
  r.resize_width = m.integer("resize_width", 0, kMaxSide);
  r.center_crop = m.integer("center_crop", 0, kMaxSide);
  r.random_crop = m.integer("random_crop", 0, kMaxSide);
  r.random_resized_crop = m.integer("random_resized_crop", 0, kMaxSide);
  r.crop_width = m.integer("crop_width", 0, kMaxSide);
  r.scale = fixed<2>(m.reals("scale", 2));
  check_range(m, "scale", r.scale, 1);
  r.ratio = fixed<2>(m.reals("ratio", 2));
  check_range(m, "ratio", r.ratio, 100);
  r.flip = m.real("flip", 0, 1);
  r.jitter = fixed<4>(m.reals("jitter", 4));
  if (*std::min_element(r.jitter.begin(), r.jitter.end()) < 0) m.fail("jitter", "must not hold negative numbers");
  if (r.jitter[3] != 0) m.fail("jitter", "has a hue part, which is not supported: its fourth number must be 0");
  r.mean = fixed<3>(m.reals("mean", 3));
  r.std = fixed<3>(m.reals("std", 3));
  if (*std::min_element(r.std.begin(), r.std.end()) <= 0) m.fail("std", "must hold positive numbers");
  m.finish();
  return r;
}

}  // namespace clb::base
