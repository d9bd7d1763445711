#include <algorithm>
#include <array>
#include <clb/metrics/symbol.hpp>
#include <utility>

namespace clb::metrics {

std::string_view symbol_of(std::string_view id) {
  using Sign = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Sign, 9> kSigns{{{"acc.mean.sample", "Ā"},
                                               {"acc.last.sample", "A_last"},
                                               {"forget.max_prev", "F"},
                                               {"forget.max_all", "F_all"},  // two definitions go by one letter
                                               {"bwt", "BWT"},
                                               {"fwt", "FWT"},
                                               {"time.total", "time"},
                                               {"state.total", "state"},
                                               {"params.trained", "parameters"}}};
  const auto found = std::ranges::find(kSigns, id, &Sign::first);
  return found == kSigns.end() ? id : found->second;
}

}  // namespace clb::metrics
