#include <fmt/format.h>

#include <algorithm>
#include <clb/base/there.hpp>
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

std::string opened_split(const base::Json& params, const std::string& fallback) {
  return params.contains("split") && params["split"].is_string() ? params["split"].get<std::string>() : fallback;
}

}  // namespace

std::string split_in(const Known& known, const base::Json& params) { return opened_split(params, known.split()); }

base::DatasetInfo planned_info(const Known& known, const std::string& root, const base::Json& params) {
  const auto named = known.splits.find(split_in(known, params));
  const SplitFacts& facts = named == known.splits.end() ? known.usual : named->second;
  base::DatasetInfo info;
  info.id = known.plugin;
  info.root = root;
  info.fingerprint = "not there: " + known.name;
  info.modality = "images";
  info.class_count = facts.classes;
  info.domain_names = facts.domains;
  return info;
}

std::vector<std::string> absent_files(const Known& known, const std::filesystem::path& root, const std::string& split) {
  std::vector<std::string> absent;
  for (const File& file : known.files) {
    const std::string path = (root / file.to).string();
    if (known.wants(file, split) && !file.unpack && !base::is_there(path) && !base::is_there(path + ".gz") && !base::is_there(path + ".xz"))
      absent.push_back(file.to);
  }
  return absent;
}

void add_orders(const Known& known, base::DatasetInfo& info) {
  add(known.class_orders, info.class_names, "class_orders", info.orders);
  add(known.domain_orders, info.domain_names, "domain_orders", info.domain_orders);
}

namespace {

std::string counted(int64_t count, const std::string& one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : one.ends_with('s') ? "es" : "s");
}

}  // namespace

SplitFacts facts_of(const Known& known, const base::DatasetInfo& found, const base::Json& params) {
  const std::string fallback = plugins_default(found), split = opened_split(params, fallback);
  if (const auto named = known.splits.find(split); named != known.splits.end()) return named->second;
  return split == (known.split().empty() ? fallback : known.split()) ? known.usual : SplitFacts{known.usual.classes, 0, 0, {}};
}

std::string difference(const Known& known, const base::DatasetInfo& found, const base::Json& params) {
  const std::string split = opened_split(params, plugins_default(found));
  const SplitFacts wanted = facts_of(known, found, params);
  std::vector<std::string> wrong, domains;
  for (const std::string& domain : wanted.domains)
    if (!found.domain_names.empty() && std::find(found.domain_names.begin(), found.domain_names.end(), domain) == found.domain_names.end())
      domains.push_back(domain);
  if (!domains.empty()) wrong.push_back(fmt::format("{} {}", domains.size() == 1 ? "the domain" : "the domains", fmt::join(domains, ", ")));
  bool more = false;  // than there should be
  const auto compare = [&](int64_t expected, int64_t got, const std::string& what) {
    if (expected == 0 || got == 0 || expected == got) return;
    more = more || got > expected;
    if (got < expected) wrong.push_back(counted(expected - got, what));
  };
  const auto total = [](const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); };
  const int64_t train = total(found.train_counts), test = total(found.test_counts);
  compare(wanted.classes, found.class_count, "class");
  compare(wanted.train, train, "training sample");
  compare(wanted.test, test, "test sample");
  if (wrong.empty() && !more) return "";
  const auto number = [](int64_t count) { return count ? std::to_string(count) : "an unknown number"; };
  return fmt::format(
      "{} holds {} classes, {} training and {} test samples, but {}{} has {}, {} and {}{}; it is another split or incomplete", found.root,
      found.class_count, train, test, known.name, split.empty() ? "" : " (split " + split + ")", wanted.classes, number(wanted.train),
      number(wanted.test), wrong.empty() ? "" : fmt::format("; missing: {}", fmt::join(wrong, ", ")));
}

}  // namespace clb::known_data
