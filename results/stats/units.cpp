#include <clb/stats/interval.hpp>
#include <clb/stats/units.hpp>
#include <map>

namespace clb::stats {

Units units_of(std::span<const DrawnRun> runs) {
  std::map<int64_t, std::map<int64_t, size_t>> orders;  // the first run of each result
  for (size_t i = 0; i < runs.size(); ++i) orders[runs[i].order].try_emplace(runs[i].result, i);
  Units units{.members = {}, .runs = runs.size(), .orders = orders.size()};
  for (const auto& [unused_order, results] : orders) {
    units.distinct += results.size();
    if (orders.size() > 1) units.members.emplace_back();
    for (const auto& [unused_result, run] : results) {
      if (orders.size() == 1) units.members.emplace_back();
      units.members.back().push_back(run);
    }
  }
  return units;
}

std::vector<double> unit_means(const Units& units, std::span<const double> values) {
  std::vector<double> means;
  for (const std::vector<size_t>& members : units.members) {
    std::vector<double> own;
    for (const size_t run : members) own.push_back(values[run]);
    means.push_back(mean(own));
  }
  return means;
}

Crossed unit_images(const Units& units, std::span<const std::vector<float>> images) {
  Crossed table{units.members.size(), images.empty() ? 0 : images.front().size(), {}};
  table.values.reserve(table.units * table.images);
  for (const std::vector<size_t>& members : units.members)
    for (size_t i = 0; i < table.images; ++i) {
      double sum = 0;
      for (const size_t run : members) sum += images[run][i];
      table.values.push_back(static_cast<float>(sum / static_cast<double>(members.size())));
    }
  return table;
}

}  // namespace clb::stats
