#include <algorithm>
#include <clb/sweep/pack.hpp>
#include <cmath>
#include <numeric>
#include <queue>

namespace clb::sweep {

namespace {

// Enough that none takes longer than job_s, and more as long as each is worth its start.
int64_t job_count(const std::vector<double>& seconds, const PackRule& rule) {
  const double at_once = static_cast<double>(std::max<int64_t>(rule.at_once, 1));
  const double total = std::accumulate(seconds.begin(), seconds.end(), 0.0) / at_once;
  const double needed = std::ceil(total / rule.job_s), worth = std::floor(total / rule.job_least_s);
  const auto most = static_cast<double>(std::min<int64_t>(rule.jobs_max, static_cast<int64_t>(seconds.size())));
  return static_cast<int64_t>(std::clamp(std::max(needed, worth), 1.0, std::max(most, 1.0)));
}

}  // namespace

std::vector<int64_t> pack(const std::vector<double>& seconds, const PackRule& rule) {
  std::vector<size_t> longest(seconds.size());
  std::iota(longest.begin(), longest.end(), size_t{0});
  std::stable_sort(longest.begin(), longest.end(), [&](size_t a, size_t b) { return seconds[a] > seconds[b]; });
  using Load = std::pair<double, int64_t>;  // seconds, slot: the emptiest first, of equal ones the first
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int64_t slot = 1, n = job_count(seconds, rule); slot <= n; ++slot) loads.emplace(0.0, slot);
  std::vector<int64_t> slots(seconds.size());
  for (const size_t run : longest) {
    auto [load, slot] = loads.top();
    loads.pop();
    slots[run] = slot;
    loads.emplace(load + std::max(seconds[run], 1e-3), slot);
  }
  return slots;
}

}  // namespace clb::sweep
