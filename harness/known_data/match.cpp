#include <fmt/format.h>

#include <algorithm>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>
#include <clb/known_data/match.hpp>
#include <numeric>

namespace clb::known_data {
namespace {

using namespace base::toml;

void add(const std::vector<std::pair<std::string, Node>>& orders, const std::vector<std::string>& names, const std::string& what,
         std::map<std::string, std::vector<int64_t>>& to) {
  for (const auto& [name, list] : orders) {
    std::vector<int64_t>& order = to[name];
    order.clear();
    for (const Node& element : *list.list()) {
      const std::string wanted = to_string(element, what);
      const auto found = std::find(names.begin(), names.end(), wanted);
      if (found == names.end())
        fail(element.place,
             fmt::format("{}: the data set has no \"{}\"{}", what, one_line(wanted), suggestion(wanted, names, "its names")));
      order.push_back(found - names.begin());
    }
  }
}

// Of a parameter that is not given.
std::string plugins_default(const base::DatasetInfo& info) {
  for (const base::ParamInfo& param : info.params)
    if (const base::Json& value = param.neutral.is_null() ? param.default_value : param.neutral; param.name == "split" && value.is_string())
      return value.get<std::string>();
  return "";
}

}  // namespace

base::DatasetInfo planned_info(const Known& known, const std::string& root) {
  base::DatasetInfo info;
  info.id = known.plugin;
  info.root = root;
  info.fingerprint = "not there: " + known.name;
  info.modality = "images";
  info.class_count = known.classes;
  info.domain_names = known.domains;
  return info;
}

void add_orders(const Known& known, base::DatasetInfo& info) {
  add(known.class_orders, info.class_names, "class_orders", info.orders);
  add(known.domain_orders, info.domain_names, "domain_orders", info.domain_orders);
}

std::string difference(const Known& known, const base::DatasetInfo& found, const base::Json& params) {
  const std::string fallback = plugins_default(found), usual = known.split().empty() ? fallback : known.split();
  const std::string split = params.contains("split") && params["split"].is_string() ? params["split"].get<std::string>() : fallback;
  const auto named = known.splits.find(split);
  const Counts wanted = named != known.splits.end() ? named->second : split == usual ? known.counts : Counts{};
  const auto total = [](const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); };
  const auto other = [](int64_t expected, int64_t got) { return expected != 0 && got != 0 && expected != got; };
  const int64_t train = total(found.train_counts), test = total(found.test_counts);
  if (!other(known.classes, found.class_count) && !other(wanted.train, train) && !other(wanted.test, test)) return "";
  const auto number = [](int64_t count) { return count ? std::to_string(count) : "an unknown number"; };
  return fmt::format("{} holds {} classes, {} training and {} test samples, but {}{} has {}, {} and {}; it is another split or incomplete",
                     found.root, found.class_count, train, test, known.name, split.empty() ? "" : " (split " + split + ")", known.classes,
                     number(wanted.train), number(wanted.test));
}

}  // namespace clb::known_data
