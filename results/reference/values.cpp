#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/toml/sentence.hpp>
#include <clb/metrics/metric.hpp>

namespace clb::reference {

using namespace base::toml;

std::vector<std::string> strings(const Node& node, const std::string& what) {
  if (!node.list()) return {to_string(node, what)};
  std::vector<std::string> texts;
  for (const Node& element : *node.list()) texts.push_back(to_string(element, "each element of " + what));
  if (texts.empty()) fail(node.place, what + " must not be an empty list");
  return texts;
}

void check_metric(const std::string& id, const Node& node) {
  std::vector<std::string> known;
  for (const metrics::Metric& metric : metrics::registry()) known.push_back(metric.id);
  if (std::find(known.begin(), known.end(), id) == known.end())
    fail(node.place, fmt::format("there is no metric \"{}\"{}", id, suggestion(id, known, "the metrics")));
}

}  // namespace clb::reference
