#include "recipes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>

#include "files.hpp"
#include "schema.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSide = 4096;  // pixels
constexpr double kMaxJitter = 10;

const std::vector<std::string> kShared = {"resampler", "antialias", "mean", "std"};
const std::vector<std::string> kSteps = {"interpolation", "resize", "resize_square", "center_crop", "random_crop", "random_resized_crop",
                                         "scale",         "ratio",  "flip",          "brightness",  "contrast",    "saturation"};

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void check_recipe_keys(const Node& root) {
  const std::vector<std::string> views = {"train", "eval"};
  const auto check_views = [&](const Node& node, const std::string& prefix) {
    for (const std::string& view : views)
      if (const Node* table = node.table()->find(view))
        check_keys(Reader(*table, prefix + view).table(), prefix + view, joined(kShared, kSteps));
  };
  check_keys(*root.table(), "", joined(joined(views, {"dataset"}), kShared));
  check_views(root, "");
  const Node* datasets = root.table()->find("dataset");
  if (!datasets) return;
  for (const Entry& dataset : Reader(*datasets, "dataset").table().entries()) {
    const std::string name = "dataset." + dataset.key;
    check_keys(Reader(dataset.value, name).table(), name, views);
    check_views(dataset.value, name + ".");
  }
}

double number_in(const Reader& reader, const std::string& key, double fallback, double min, double max) {
  const Node* node = reader.find(key);
  if (!node) return fallback;
  const double value = to_number(*node, reader.what(key));
  if (value < min || value > max) fail(node->place, fmt::format("{} must lie in [{}, {}], found {}", reader.what(key), min, max, value));
  return value;
}

// [low, high] with 0 < low <= high <= max.
void read_range(const Reader& reader, const std::string& key, double max, std::array<double, 2>& range) {
  const Node* node = reader.find(key);
  if (!node) return;
  const std::vector<double> values = to_number_list(*node, reader.what(key), 2);
  if (!(values[0] > 0 && values[0] <= values[1] && values[1] <= max))
    fail(node->place, fmt::format("{} must be [low, high] with 0 < low <= high <= {}", reader.what(key), max));
  range = {values[0], values[1]};
}

void read_shared(const Reader& reader, base::TransformRecipe& recipe) {
  recipe.resampler = reader.choice("resampler", recipe.resampler, {"pil", "float"});
  recipe.antialias = reader.flag("antialias", recipe.antialias);
  if (const Node* node = reader.find("mean")) {
    const std::vector<double> values = to_number_list(*node, reader.what("mean"), 3);
    std::copy(values.begin(), values.end(), recipe.mean.begin());
  }
  if (const Node* node = reader.find("std")) {
    const std::vector<double> values = to_number_list(*node, reader.what("std"), 3);
    if (*std::min_element(values.begin(), values.end()) <= 0) fail(node->place, reader.what("std") + " must hold numbers above 0");
    std::copy(values.begin(), values.end(), recipe.std.begin());
  }
}

// A side of a square, or [height, width]; the width stays 0 where it is the height.
void read_size(const Reader& reader, const std::string& key, int64_t& height, int64_t& width) {
  const Node* node = reader.find(key);
  if (!node) return;
  const std::vector<int64_t> sizes = to_int_or_list(*node, reader.what(key), 1, kMaxSide);
  if (sizes.size() > 2)
    fail(node->place, fmt::format("{} must be a side or [height, width], found {} numbers", reader.what(key), sizes.size()));
  height = sizes.front();
  width = sizes.back() == height ? 0 : sizes.back();
}

void read_steps(const Reader& reader, base::TransformRecipe& recipe) {
  recipe.interpolation = reader.choice("interpolation", recipe.interpolation, {"bicubic", "bilinear"});
  read_size(reader, "resize", recipe.resize, recipe.resize_width);
  const Node* resize = reader.find("resize");
  recipe.resize_square = reader.flag("resize_square", resize && resize->list());  // [224, 224]: both sides
  if (recipe.resize_width && !recipe.resize_square)
    fail(resize->place, fmt::format("{} names both sides, so resize_square cannot be false", reader.what("resize")));
  read_size(reader, "center_crop", recipe.center_crop, recipe.crop_width);
  read_size(reader, "random_crop", recipe.random_crop, recipe.crop_width);
  read_size(reader, "random_resized_crop", recipe.random_resized_crop, recipe.crop_width);
  read_range(reader, "scale", 1, recipe.scale);
  read_range(reader, "ratio", 100, recipe.ratio);
  recipe.flip = number_in(reader, "flip", 0, 0, 1);
  recipe.jitter = {number_in(reader, "brightness", 0, 0, kMaxJitter), number_in(reader, "contrast", 0, 0, kMaxJitter),
                   number_in(reader, "saturation", 0, 0, kMaxJitter), 0};
}

Node read_recipe_file(const fs::path& folder, const Node& name, const std::string& what) {
  const std::string id = to_string(name, what);
  const fs::path file = folder / (id + ".toml");
  if (id.find('/') != std::string::npos || !is_file(file)) {
    const std::vector<std::string> known = toml_stems(folder);
    fail(name.place, fmt::format("{}: there is no recipe \"{}\" in {}{}", what, id, folder.string(), suggestion(id, known, "its recipes")));
  }
  Node root = parse_toml(base::read_file(file, kMaxTomlBytes), file.string());
  check_recipe_keys(root);
  return root;
}

}  // namespace

base::TransformRecipe load_recipe(const fs::path& folder, const Node& name, const std::string& what, View view,
                                  const std::string& dataset_id) {
  const Node root = read_recipe_file(folder, name, what);
  const std::string key = view == View::kTrain ? "train" : "eval";
  const Node* table = root.table()->find(key);
  std::string shown = key;
  if (const Node* datasets = root.table()->find("dataset"))
    if (const Node* dataset = datasets->table()->find(dataset_id))
      if (const Node* variant = dataset->table()->find(key)) {
        table = variant;
        shown = "dataset." + dataset_id + "." + key;
      }
  if (!table) fail(root.place, fmt::format("the recipe needs a table [{}]", key));

  base::TransformRecipe recipe;
  recipe.name = to_string(name, what);
  read_shared(Reader(root, ""), recipe);
  const Reader reader(*table, shown);
  read_shared(reader, recipe);
  read_steps(reader, recipe);
  if (view == View::kEval && recipe.random())
    fail(table->place,
         fmt::format("[{}] must be deterministic: no random_crop, random_resized_crop, flip, brightness, contrast, saturation", shown));
  return recipe;
}

}  // namespace clb::plan
