#include "figures.hpp"

#include <clb/base/error.hpp>

#include "arithmetic.hpp"

namespace clb::formula {
namespace {

constexpr uint64_t kFigureStream = 1;
constexpr int kTries = 400;                            // for one class
constexpr float kMostAlike = 0.86F;                    // of two classes: overlap of their masks over the union
constexpr float kLeastArea = 0.14F, kMostArea = 0.9F;  // of the square around a figure
constexpr float kFrame = 1.25F;                        // side of a class's mask, in sides of its figure: an image's at rest
constexpr float kReach = 2.4F;                         // where shapes are looked for

// Profiles twice as often: most things have an axis.
constexpr std::array kTurns{Family::kSymmetric, Family::kRadial,     Family::kPolygon,   Family::kSymmetric,
                            Family::kComposite, Family::kAsymmetric, Family::kComposite, Family::kJulia};

std::unique_ptr<Shape> draw(Family family, Random& random) {
  switch (family) {
    case Family::kSymmetric:
      return draw_profile(random, true);
    case Family::kAsymmetric:
      return draw_profile(random, false);
    case Family::kRadial:
      return draw_radial(random);
    case Family::kPolygon:
      return draw_polygon(random);
    case Family::kComposite:
      return draw_composite(random);
    case Family::kJulia:
      return draw_julia(random);
  }
  return nullptr;
}

Points square(float reach) {
  Points points;
  for (int row = 0; row < kFine; ++row) {
    for (int column = 0; column < kFine; ++column) {
      const auto k = static_cast<size_t>(row * kFine + column);
      points.x[k] = reach * ((static_cast<float>(column) + 0.5F) * (2.F / kFine) - 1);
      points.y[k] = reach * ((static_cast<float>(row) + 0.5F) * (2.F / kFine) - 1);
    }
  }
  return points;
}

float alike(const Mask& a, const Mask& b) {
  float both = 0, any = 0;
  for (size_t k = 0; k < kMask; ++k) {
    both += std::min(a[k], b[k]);
    any += std::max(a[k], b[k]);
  }
  return both / any;
}

}  // namespace

Mask mask_of(const Field& field, float soft) {
  Mask mask{};
  constexpr int kCell = kFine / kMaskSide;
  for (int row = 0; row < kFine; ++row) {
    for (int column = 0; column < kFine; ++column) {
      const float inside = clamp01(0.5F - field[static_cast<size_t>(row * kFine + column)] / soft);
      mask[static_cast<size_t>(row / kCell * kMaskSide + column / kCell)] += inside / (kCell * kCell);
    }
  }
  return mask;
}

bool Figures::measure(Figure& figure) {
  Points points = square(kReach);
  auto field = std::make_unique<Field>();
  figure.shape->distance(points, *field);
  float left = kReach, right = -kReach, top = kReach, bottom = -kReach;
  for (size_t k = 0; k < kPoints; ++k) {
    if ((*field)[k] >= 0) continue;
    left = std::min(left, points.x[k]);
    right = std::max(right, points.x[k]);
    top = std::min(top, points.y[k]);
    bottom = std::max(bottom, points.y[k]);
  }
  if (left >= right || top >= bottom) return false;
  figure.x = (left + right) / 2;
  figure.y = (top + bottom) / 2;
  figure.half = std::max(right - left, bottom - top) / 2;
  points = square(kFrame);
  for (size_t k = 0; k < kPoints; ++k) {
    points.x[k] = figure.x + figure.half * points.x[k];
    points.y[k] = figure.y + figure.half * points.y[k];
  }
  figure.shape->distance(points, *field);
  figure.mask = mask_of(*field, 2 * kFrame / kFine * figure.half);
  float area = 0;
  for (const float cell : figure.mask) area += cell / kMask * kFrame * kFrame;
  return area >= kLeastArea && area <= kMostArea;
}

bool Figures::is_new(const Figure& figure) const {
  return std::none_of(figures_.begin(), figures_.end(), [&](const Figure& other) { return alike(figure.mask, other.mask) > kMostAlike; });
}

Figures::Figures(int64_t seed, int64_t count) {
  for (int64_t label = 0; label < count; ++label) {
    Figure figure;
    Random random(static_cast<uint64_t>(seed), kFigureStream, static_cast<uint64_t>(label));
    bool found = false;
    // A family that has nothing new any more leaves its turn to the next.
    for (size_t turn = 0; turn < kTurns.size() && !found; ++turn) {
      figure.family = kTurns[(static_cast<size_t>(label) + turn) % kTurns.size()];
      for (int k = 0; k < kTries && !found; ++k) {
        figure.shape = draw(figure.family, random);
        found = measure(figure) && is_new(figure);
      }
    }
    if (!found) {
      throw base::Error("no figure for class " + std::to_string(label) +
                        " differs enough from those before it; ask for fewer classes than " + std::to_string(count));
    }
    figures_.push_back(std::move(figure));
  }
}

Figures::Figures(std::vector<std::unique_ptr<Shape>> shapes) {
  for (auto& shape : shapes) {
    Figure figure;
    figure.shape = std::move(shape);
    measure(figure);
    figures_.push_back(std::move(figure));
  }
}

void Figures::to_shape(int64_t label, Points& points) const {
  const Figure& figure = figures_[static_cast<size_t>(label)];
  for (size_t k = 0; k < kPoints; ++k) {
    points.x[k] = figure.x + figure.half * points.x[k];
    points.y[k] = figure.y + figure.half * points.y[k];
  }
}

}  // namespace clb::formula
