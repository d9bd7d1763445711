// Right and wrong answers whose true accuracy is known, for simulations of intervals and marks. An answer is right with the probability
// logistic(level + image + order + seed): an image is difficult for everybody, an order and a seed are good or bad for all images.
#pragma once

#include <clb/stats/units.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace clb::bench {

struct Effects {  // standard deviations, on the logistic scale
  double image = 0, order = 0, seed = 0;
};

struct Design {
  int64_t orders = 1, seeds = 3;
  size_t images = 100;
};

class Outcomes {
 public:
  explicit Outcomes(uint64_t seed) : random_(seed) {}

  double normal() { return normal_(random_); }
  std::vector<double> normals(size_t n, double deviation) {
    std::vector<double> values(n);
    for (double& value : values) value = deviation * normal();
    return values;
  }
  // A share of right answers in each block of images, for each run. difficulty: of each image, shared by whom it is given to.
  std::vector<std::vector<float>> runs(const Design& design, double level, const Effects& effects, const std::vector<double>& difficulty,
                                       const std::vector<double>& of_orders) {
    std::vector<std::vector<float>> runs;
    for (int64_t order = 0; order < design.orders; ++order)
      for (int64_t seed = 0; seed < design.seeds; ++seed) {
        const double shift = level + of_orders[static_cast<size_t>(order)] + effects.seed * normal();
        std::vector<float> right(design.images);
        for (size_t i = 0; i < right.size(); ++i) right[i] = uniform_(random_) < 1 / (1 + std::exp(-(shift + difficulty[i]))) ? 1.0F : 0.0F;
        runs.push_back(std::move(right));
      }
    return runs;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
};

inline std::vector<stats::DrawnRun> drawn_runs(const Design& design) {
  std::vector<stats::DrawnRun> drawn;
  for (int64_t order = 0; order < design.orders; ++order)
    for (int64_t seed = 0; seed < design.seeds; ++seed) drawn.push_back({seed, order, order * design.seeds + seed});
  return drawn;
}

// The mean of logistic(level + normal of this deviation), by the midpoint rule far into both tails.
inline double true_accuracy(double level, double deviation) {
  constexpr int kSteps = 4000;
  double sum = 0, weights = 0;
  for (int k = 0; k < kSteps; ++k) {
    const double z = -8 + 16 * (k + 0.5) / kSteps, weight = std::exp(-z * z / 2);
    sum += weight / (1 + std::exp(-(level + deviation * z)));
    weights += weight;
  }
  return sum / weights;
}

}  // namespace clb::bench
