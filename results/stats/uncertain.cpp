#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <clb/stats/uncertain.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace clb::stats {
namespace {

using Student = boost::math::students_t;

// Sums of squares around means, each over n m values: what mean squares are made of.
struct Squares {
  double mean = 0, units = 0, images = 0, all = 0;
};

// value(u, i), called unit after unit.
template <class Value>
Squares squares(size_t units, size_t images, Value value) {
  const auto n = static_cast<double>(units), m = static_cast<double>(images);
  std::vector<double> of_image(images, 0.0), square(images, 0.0);
  std::vector<double> of_unit(units, 0.0);
  for (size_t u = 0; u < units; ++u) {
    const double before = std::accumulate(of_image.begin(), of_image.end(), 0.0);
    for (size_t i = 0; i < images; ++i) {
      const double one = value(u, i);
      of_image[i] += one;
      square[i] += one * one;
    }
    of_unit[u] = std::accumulate(of_image.begin(), of_image.end(), 0.0) - before;
  }
  Squares s;
  s.mean = std::accumulate(of_unit.begin(), of_unit.end(), 0.0) / (n * m);
  s.all = std::accumulate(square.begin(), square.end(), 0.0) - n * m * s.mean * s.mean;
  for (const double sum : of_unit) s.units += m * (sum / m - s.mean) * (sum / m - s.mean);
  for (const double sum : of_image) s.images += n * (sum / n - s.mean) * (sum / n - s.mean);
  return s;
}

template <class Value>
Uncertain crossed(size_t units, size_t images, Value value) {
  if (units < 1 || images < 2) throw std::invalid_argument("a crossed table needs a unit and two images");
  const auto n = static_cast<double>(units), m = static_cast<double>(images);
  const Squares s = squares(units, images, value);
  if (units == 1) return {s.mean, {}, {s.images / (m - 1) / m, m - 1}};
  const double rest = std::max(0.0, s.all - s.units - s.images) / ((n - 1) * (m - 1));
  const double of_units = s.units / (n - 1), of_images = std::max(0.0, s.images / (m - 1) - rest);
  return {s.mean, {of_units / (n * m), n - 1}, {of_images / (n * m), m - 1}};
}

double squared_reach(const Part& part, double alpha) {
  if (part.variance <= 0) return 0;
  const double t = boost::math::quantile(boost::math::complement(Student(part.df), alpha / 2));
  return t * t * part.variance;
}

}  // namespace

// The harmonic mean of the parts' degrees of freedom, weighted by their shares of the variance. Satterthwaite's weights are the squares of
// the shares; with three units and both parts of weight its intervals cover too little.
double Uncertain::df() const {
  if (variance() <= 0) return std::max(units.df, images.df);
  return variance() / (units.variance / units.df + images.variance / images.df);
}

Uncertain over_units(std::span<const double> values) {
  if (values.size() < 2) throw std::invalid_argument("a mean over units needs two of them");
  const auto n = static_cast<double>(values.size());
  const double middle = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - middle) * (value - middle);
  return {middle, {sum / (n - 1) / n, n - 1}, {}};
}

Uncertain over_units_and_images(const Crossed& y) {
  return crossed(y.units, y.images, [&](size_t u, size_t i) { return static_cast<double>(y.values[u * y.images + i]); });
}

Uncertain difference(const Crossed& a, const Crossed& b) {
  if (a.units != b.units || a.images != b.images) throw std::invalid_argument("tables of different units or images have no difference");
  return crossed(a.units, a.images, [&](size_t u, size_t i) {
    return static_cast<double>(a.values[u * a.images + i]) - static_cast<double>(b.values[u * b.images + i]);
  });
}

Interval interval(const Uncertain& value, double level) {
  if (value.variance() <= 0) return {value.mean, value.mean};
  const double half = boost::math::quantile(Student(value.df()), 0.5 + level / 2) * std::sqrt(value.variance());
  return {value.mean - half, value.mean + half};
}

double probability_above_zero(const Uncertain& value) {
  if (value.variance() <= 0) return value.mean > 0 ? 1 : value.mean < 0 ? 0 : 0.5;
  return boost::math::cdf(Student(value.df()), value.mean / std::sqrt(value.variance()));
}

double p_value(const Uncertain& value) {
  if (value.variance() <= 0) return value.mean == 0 ? 1 : 0;
  return 2 * boost::math::cdf(boost::math::complement(Student(value.df()), std::abs(value.mean) / std::sqrt(value.variance())));
}

bool told_from_zero(const Uncertain& value, double alpha) {
  return value.mean * value.mean > squared_reach(value.units, alpha) + squared_reach(value.images, alpha);
}

double careful_p(const Uncertain& value) {
  if (value.mean == 0) return 1;
  double low = -300 * std::log(10.0), high = 0;  // of the logarithm
  for (int step = 0; step < 60 && high - low > 1e-9; ++step) {
    const double middle = (low + high) / 2;
    (told_from_zero(value, std::exp(middle)) ? high : low) = middle;
  }
  return std::exp(high);
}

}  // namespace clb::stats
