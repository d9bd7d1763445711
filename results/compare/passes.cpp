#include "passes.hpp"

#include <algorithm>
#include <map>

namespace clb::compare {
namespace {

struct Pass {
  bool head = false;
  std::string start, end;
  std::map<RunId, double> seconds;
  bool alone = true;  // the other side ran nothing meanwhile
};

std::vector<Pass> passes_of(std::vector<Timed>& runs) {
  std::ranges::stable_sort(runs, {}, &Timed::start);
  std::vector<Pass> passes;
  for (const Timed& run : runs) {
    if (passes.empty() || passes.back().head != run.head || passes.back().seconds.contains(run.id))
      passes.push_back({run.head, run.start, run.end, {}, true});
    passes.back().seconds[run.id] = run.seconds;
    passes.back().end = std::max(passes.back().end, run.end);
  }
  for (Pass& pass : passes)
    pass.alone = std::ranges::none_of(
        passes, [&](const Pass& other) { return other.head != pass.head && other.start < pass.end && pass.start < other.end; });
  return passes;
}

// nullopt: of one side, at the same time as the other side, or without a run in common.
std::optional<PassPair> pair_of(const Pass& first, const Pass& second) {
  if (first.head == second.head || !first.alone || !second.alone) return std::nullopt;
  PassPair pair;
  for (const auto& [id, seconds] : first.seconds) {
    const auto other = second.seconds.find(id);
    if (other == second.seconds.end()) continue;
    pair.base += first.head ? other->second : seconds;
    pair.head += first.head ? seconds : other->second;
  }
  return pair.base > 0 && pair.head > 0 ? std::optional(pair) : std::nullopt;
}

}  // namespace

std::vector<PassPair> alternating_passes(std::vector<Timed> runs) {
  const std::vector<Pass> passes = passes_of(runs);
  std::vector<PassPair> pairs;
  for (size_t i = 0; i + 1 < passes.size(); ++i) {
    if (const auto pair = pair_of(passes[i], passes[i + 1])) {
      pairs.push_back(*pair);
      ++i;
    }
  }
  return pairs;
}

}  // namespace clb::compare
