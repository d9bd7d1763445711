#include "known_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <numeric>

#include "files.hpp"
#include "limits.hpp"
#include "schema.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxClasses = 1'000'000;

using NamedOrders = std::vector<std::pair<std::string, Node>>;

NamedOrders orders_in(const Reader& reader, const std::string& key) {
  NamedOrders orders;
  const Node* node = reader.find(key);
  if (!node) return orders;
  for (const Entry& entry : Reader(*node, key).table().entries()) {
    if (!entry.value.list()) fail(entry.value.place, fmt::format("{}.{} must be a list of names", key, entry.key));
    orders.emplace_back(entry.key, entry.value);
  }
  return orders;
}

void add(const NamedOrders& orders, const std::vector<std::string>& names, const std::string& what,
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

std::vector<std::string> texts(const Reader& reader, const char* key) {
  std::vector<std::string> list;
  const Node* node = reader.find(key);
  if (!node) return list;
  if (!node->list()) fail(node->place, fmt::format("{} must be a list of texts", key));
  for (const Node& element : *node->list()) list.push_back(to_string(element, key));
  return list;
}

}  // namespace

std::optional<KnownDataset> known_dataset(const std::filesystem::path& share, const std::string& name) {
  const std::filesystem::path file = share / "datasets" / (name + ".toml");
  if (name.find('/') != std::string::npos || !is_file(file)) return std::nullopt;
  const Node root = parse_toml(base::read_file(file, kMaxTomlBytes), file.string());
  check_keys(*root.table(), "",
             {"plugin", "classes", "train", "test", "domains", "class_orders", "domain_orders", "get", "names", "templates"});
  const Reader reader(root, "");
  KnownDataset known;
  known.name = name;
  known.plugin = to_string(reader.at("plugin", "\"image_folder\""), "plugin");
  known.classes = to_int(reader.at("classes", "200"), "classes", 1, kMaxClasses);
  known.train = reader.integer("train", 0, 1, kMaxInt);
  known.test = reader.integer("test", 0, 1, kMaxInt);
  known.class_orders = orders_in(reader, "class_orders");
  known.domain_orders = orders_in(reader, "domain_orders");
  known.domains = texts(reader, "domains");
  known.names = texts(reader, "names");
  known.templates = texts(reader, "templates");
  if (!known.names.empty() && static_cast<int64_t>(known.names.size()) != known.classes)
    fail(reader.find("names")->place, fmt::format("names holds {} names, but there are {} classes", known.names.size(), known.classes));
  known.get = to_string(reader.at("get", "\"download it from ...\""), "get");
  return known;
}

base::DatasetInfo planned_info(const KnownDataset& known, const std::string& root) {
  base::DatasetInfo info;
  info.id = known.plugin;
  info.root = root;
  info.fingerprint = "not there: " + known.name;
  info.modality = "images";
  info.class_count = known.classes;
  info.domain_names = known.domains;
  return info;
}

void add_orders(const KnownDataset& known, base::DatasetInfo& info) {
  add(known.class_orders, info.class_names, "class_orders", info.orders);
  add(known.domain_orders, info.domain_names, "domain_orders", info.domain_orders);
}

std::string difference(const KnownDataset& known, const base::DatasetInfo& found) {
  const auto total = [](const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); };
  const auto other = [](int64_t wanted, int64_t got) { return wanted != 0 && got != 0 && wanted != got; };
  const int64_t train = total(found.train_counts), test = total(found.test_counts);
  if (!other(known.classes, found.class_count) && !other(known.train, train) && !other(known.test, test)) return "";
  return fmt::format("{} holds {} classes, {} training and {} test samples, but {} has {}, {} and {}; it is another split or incomplete",
                     found.root, found.class_count, train, test, known.name, known.classes, known.train, known.test);
}

}  // namespace clb::plan
