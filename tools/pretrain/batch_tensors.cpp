#include "batch_tensors.hpp"

#include <algorithm>
#include <clb/formula/random.hpp>
#include <cmath>
#include <numeric>

namespace clb::pretrain {
namespace {

using formula::Random;
using torch::Tensor;

constexpr uint64_t kDropStream = 3, kMixStream = 4;

template <class T>
Tensor copied(const std::vector<T>& values, torch::IntArrayRef sizes, torch::ScalarType type) {
  Tensor t = torch::empty(sizes, type);
  std::copy(values.begin(), values.end(), t.data_ptr<T>());
  return t;
}

// Every image is mixed with the one before it; indices are random already. Mixup: Zhang et al., ICLR 2018, with alpha = 1.
void mix_all(Slice& s, double share) {
  for (Tensor* t : {&s.images, &s.classes, &s.masks, &s.numbers}) *t = share * *t + (1 - share) * t->roll(1, 0);
}

// A box of the image before: CutMix, Yun et al., ICCV 2019. Its sides are whole cells of the mask.
void cut_and_mix(Slice& s, Random& random) {
  constexpr int64_t kCells = formula::kMaskSide, kPixels = formula::kSide / kCells;
  const double side = std::sqrt(random.unit());
  const auto cells = static_cast<int64_t>(std::lround(side * kCells));
  const int64_t x = random.below(static_cast<int>(kCells - cells + 1)), y = random.below(static_cast<int>(kCells - cells + 1));
  const auto box = [&](const Tensor& images, int64_t unit) {
    return images.narrow(2, y * unit, cells * unit).narrow(3, x * unit, cells * unit);
  };
  const Tensor masks = s.masks.view({-1, 1, kCells, kCells});
  const Tensor other_images = box(s.images, kPixels).roll(1, 0), other_masks = box(masks, 1).roll(1, 0);
  box(s.images, kPixels).copy_(other_images);
  box(masks, 1).copy_(other_masks);
  const double share = 1 - static_cast<double>(cells * cells) / (kCells * kCells);
  for (Tensor* t : {&s.classes, &s.numbers}) *t = share * *t + (1 - share) * t->roll(1, 0);
}

void mix(const TrainingRecipe& training, int64_t seed, int64_t update, Slice& slice) {
  Random random(static_cast<uint64_t>(seed), kMixStream, static_cast<uint64_t>(update));
  if (training.mix == "none" || !random.chance(static_cast<float>(training.mixed))) return;
  if (training.mix == "mixup") {
    mix_all(slice, random.unit());
  } else {
    cut_and_mix(slice, random);
  }
}

}  // namespace

Tensor kept_tokens(const Recipe& recipe, int64_t first, int64_t n) {
  const int64_t grid = formula::kSide / recipe.network.patch, patches = grid * grid;
  const auto kept = std::max<int64_t>(1, std::llround((1 - recipe.training.dropped) * static_cast<double>(patches)));
  Tensor tokens = torch::zeros({n, 1 + kept}, torch::kInt64);
  std::vector<int64_t> order(static_cast<size_t>(patches));
  for (int64_t i = 0; i < n; ++i) {
    Random random(static_cast<uint64_t>(recipe.seed), kDropStream, static_cast<uint64_t>(first + i));
    std::iota(order.begin(), order.end(), 1);
    int64_t* row = tokens.data_ptr<int64_t>() + i * (1 + kept);
    for (int64_t k = 0; k < kept; ++k) {
      std::swap(order[static_cast<size_t>(k)], order[static_cast<size_t>(k + random.below(static_cast<int>(patches - k)))]);
      row[1 + k] = order[static_cast<size_t>(k)];
    }
    std::sort(row + 1, row + 1 + kept);
  }
  return tokens;
}

bool drops_patches(const Recipe& recipe, int64_t update) {
  const auto all_from = recipe.training.keep_all_from * static_cast<double>(recipe.updates());
  return recipe.training.dropped > 0 && static_cast<double>(update) < all_from;
}

Slice tensors_of(const Recipe& recipe, const formula::Batch& batch, int64_t update) {
  const auto n = static_cast<int64_t>(batch.labels.size());
  Slice slice;
  slice.images = copied(batch.pixels, {n, 3, formula::kSide, formula::kSide}, torch::kUInt8).to(torch::kFloat32).div_(127.5).sub_(1);
  slice.classes = torch::one_hot(copied(batch.labels, {n}, torch::kInt64), recipe.images.classes).to(torch::kFloat32);
  slice.masks = copied(batch.masks, {n, formula::kMask}, torch::kFloat32);
  slice.numbers = copied(batch.numbers, {n, formula::kAttributes}, torch::kFloat32);
  mix(recipe.training, recipe.seed, update, slice);
  if (drops_patches(recipe, update)) slice.kept = kept_tokens(recipe, batch.first, n);
  return slice;
}

Slice rows_of(const Slice& slice, int64_t first, int64_t n) {
  const auto rows = [&](const Tensor& t) { return t.defined() ? t.narrow(0, first, n) : t; };
  return {rows(slice.images), rows(slice.kept), rows(slice.classes), rows(slice.masks), rows(slice.numbers)};
}

Slice moved(const Slice& slice, torch::Device device) {
  const auto move = [&](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  return {move(slice.images), move(slice.kept), move(slice.classes), move(slice.masks), move(slice.numbers)};
}

}  // namespace clb::pretrain
