#include "labels.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace clb::cli {

using base::Json;

std::vector<std::string> differing_params(const std::vector<std::pair<std::string, Json>>& methods) {
  std::map<std::string, std::map<std::string, std::set<Json>>> values;  // method -> parameter -> its values
  for (const auto& [id, params] : methods) {
    for (const auto& [name, value] : params.items()) values[id][name].insert(value);
  }
  for (const auto& [id, params] : methods) {  // one that is absent has its neutral value
    for (auto& [name, known] : values[id])
      if (!params.contains(name)) known.insert(Json());
  }
  std::vector<std::string> texts;
  for (const auto& [id, params] : methods) {
    std::string text;
    for (const auto& [name, value] : params.items()) {
      if (values[id][name].size() < 2) continue;
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::string> run_labels(const std::vector<base::RunSpec>& runs) {
  std::vector<std::pair<std::string, Json>> methods;
  std::set<std::string> datasets;
  std::set<int64_t> orders;
  for (const base::RunSpec& run : runs) {
    methods.emplace_back(run.method.id, run.method.params);
    datasets.insert(run.dataset.id);
    orders.insert(run.protocol.order_seed);
  }
  std::vector<std::string> labels = differing_params(methods);
  for (size_t i = 0; i < runs.size(); ++i) {
    std::string label = method_name(runs[i].method);
    if (datasets.size() > 1) label += " " + runs[i].dataset.id;
    if (!labels[i].empty()) label += " " + labels[i];
    if (orders.size() > 1) label += fmt::format(" order {}", runs[i].protocol.order_seed);
    labels[i] = label + fmt::format(" seed {}", runs[i].seed);
  }
  return labels;
}

std::string method_name(const base::MethodSpec& method) { return method.id + (method.preset.empty() ? "" : "/" + method.preset); }

}  // namespace clb::cli
