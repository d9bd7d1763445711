#include "pose.hpp"

#include "arithmetic.hpp"

namespace clb::formula {

Pose Pose::drawn(Random& random, float amount) {
  Pose pose;
  const float size = blend(0.8F, random.between(0.5F, 0.97F), amount), aspect = ratio(0.12F * amount * random.bell());
  pose.width = size * aspect;
  pose.height = size / aspect;
  const float room = std::max(0.05F, 1 - size);
  pose.x = room * amount * random.between(-1, 1);
  pose.y = room * amount * random.between(-1, 1);
  pose.slant = 0.08F * amount * random.bell();
  pose.turn = 0.025F * amount * random.bell();
  pose.bend = random.chance(0.5F) ? 0 : 0.05F * amount * random.bell();
  pose.bend_phase = random.unit();
  return pose;
}

std::vector<Pose> poses(Random& random, float amount, int count) {
  std::vector<Pose> all{Pose::drawn(random, amount)};
  if (count == 1) return all;
  const float first = random.unit(), away = random.between(0.45F, 0.6F);
  for (int k = 0; k < count; ++k) {
    Pose pose = Pose::drawn(random, amount);
    const float turn = first + static_cast<float>(k) / static_cast<float>(count), share = count == 2 ? 0.55F : 0.45F;
    pose.x = away * cosine(turn);
    pose.y = away * sine(turn);
    pose.width *= share;
    pose.height *= share;
    all.push_back(pose);
  }
  all.erase(all.begin());
  return all;
}

namespace {

// Points of the image in the frame of the posed figure.
void to_figure(const Pose& pose, Points& points) {
  const float c = cosine(pose.turn), s = sine(pose.turn), across = 1 / pose.width, along = 1 / pose.height;
  for (int row = 0; row < kFine; ++row) {
    for (int column = 0; column < kFine; ++column) {
      const auto k = static_cast<size_t>(row * kFine + column);
      const float dx = (static_cast<float>(column) + 0.5F) * (2.F / kFine) - 1 - pose.x;
      const float dy = (static_cast<float>(row) + 0.5F) * (2.F / kFine) - 1 - pose.y;
      const float x = c * dx + s * dy, y = c * dy - s * dx;
      points.x[k] = (x - pose.slant * y) * across + pose.bend * sine(0.5F * y + pose.bend_phase);
      points.y[k] = y * along;
    }
  }
}

}  // namespace

void place(const Figures& figures, int64_t label, const Shape& shape, const std::vector<Pose>& poses, Field& field) {
  Points points;
  Field own;
  field.fill(1e3F);
  for (const Pose& pose : poses) {
    to_figure(pose, points);
    figures.to_shape(label, points);
    shape.distance(points, own);
    const float unit = (pose.width + pose.height) / (2 * figures.half(label));
    for (size_t k = 0; k < kPoints; ++k) field[k] = std::min(field[k], unit * own[k]);
  }
}

}  // namespace clb::formula
