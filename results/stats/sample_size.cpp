#include <boost/math/distributions/students_t.hpp>
#include <clb/stats/sample_size.hpp>
#include <cmath>

namespace clb::stats {

std::optional<int64_t> pairs_needed(double sd, double floor) {
  for (int64_t n = 3; n <= kMostPairs; ++n) {
    const boost::math::students_t t(static_cast<double>(n - 1));
    const double reach = boost::math::quantile(t, 0.975) + boost::math::quantile(t, 0.8);
    if (reach * sd / std::sqrt(static_cast<double>(n)) <= floor) return n;
  }
  return std::nullopt;
}

}  // namespace clb::stats
