#include <fmt/format.h>

#include <algorithm>
#include <clb/plan/sequence.hpp>
#include <filesystem>
#include <map>
#include <set>

namespace clb::plan {
namespace {

using Infos = std::vector<base::DatasetInfo>;
using Specs = std::vector<base::DatasetSpec>;
using Orders = std::map<std::string, std::vector<int64_t>>;

bool distinct(const std::vector<std::string>& names) { return std::set(names.begin(), names.end()).size() == names.size(); }

// What each data set is called: by its id, where several have the same by its folder, else by its place too.
std::vector<std::string> labels_of(const Specs& parts) {
  std::vector<std::string> ids, folders, numbered;
  for (const base::DatasetSpec& part : parts) {
    std::filesystem::path root = part.root;
    if (!root.has_filename()) root = root.parent_path();
    ids.push_back(part.id);
    folders.push_back(root.filename().string());
    numbered.push_back(fmt::format("{} {}", part.id, ids.size()));
  }
  return distinct(ids) ? ids : distinct(folders) ? folders : numbered;
}

std::vector<std::string> class_names(const Infos& infos, const std::vector<std::string>& labels) {
  std::map<std::string, std::set<size_t>> owners;
  for (size_t i = 0; i < infos.size(); ++i)
    for (const std::string& name : infos[i].class_names) owners[name].insert(i);
  std::vector<std::string> names;
  for (size_t i = 0; i < infos.size(); ++i) {
    for (int64_t c = 0; c < infos[i].class_count; ++c) {
      const auto k = static_cast<size_t>(c);
      const std::string name = k < infos[i].class_names.size() ? infos[i].class_names[k] : std::to_string(c);
      const bool unique = k < infos[i].class_names.size() && owners[name].size() == 1;
      names.push_back(unique ? name : labels[i] + ": " + name);
    }
  }
  return names;
}

// What people call the classes, without the data set's name before it: sentences are about one class at a time.
std::vector<std::string> readable_names(const Infos& infos) {
  std::vector<std::string> names;
  for (const base::DatasetInfo& info : infos) {
    for (size_t c = 0; c < static_cast<size_t>(info.class_count); ++c) {
      const std::string own = c < info.class_names.size() ? info.class_names[c] : "";
      names.push_back(c < info.readable_names.size() ? info.readable_names[c] : own);
      if (names.back() == own) std::replace(names.back().begin(), names.back().end(), '_', ' ');
    }
  }
  return names;
}

// Lists of all data sets one after the other; empty when one is.
std::vector<int64_t> joined(const Infos& infos, std::vector<int64_t> base::DatasetInfo::*counts) {
  std::vector<int64_t> all;
  for (const base::DatasetInfo& info : infos) {
    if ((info.*counts).empty()) return {};
    all.insert(all.end(), (info.*counts).begin(), (info.*counts).end());
  }
  return all;
}

// The orders with these names, one of each data set, as one.
std::vector<int64_t> joined(const Infos& infos, const std::vector<std::string>& names) {
  std::vector<int64_t> all;
  int64_t offset = 0;
  for (size_t i = 0; i < infos.size(); ++i) {
    for (const int64_t c : infos[i].orders.at(names[i])) all.push_back(offset + c);
    offset += infos[i].class_count;
  }
  return all;
}

Orders class_orders(const Infos& infos) {
  Orders orders;
  std::vector<std::string> only;
  for (const base::DatasetInfo& info : infos)
    if (info.orders.size() == 1) only.push_back(info.orders.begin()->first);
  if (only.size() == infos.size()) orders[distinct(only) ? fmt::format("{}", fmt::join(only, "+")) : only.front()] = joined(infos, only);
  for (const auto& first : infos.front().orders) {
    const std::string& name = first.first;
    const auto states = [&](const base::DatasetInfo& info) { return info.orders.contains(name); };
    if (std::ranges::all_of(infos, states)) orders[name] = joined(infos, std::vector(infos.size(), name));
  }
  return orders;
}

}  // namespace

base::DatasetInfo sequence_info(const Specs& parts, const Infos& infos) {
  const std::vector<std::string> labels = labels_of(parts);
  base::DatasetInfo all;
  for (const base::DatasetInfo& info : infos) {
    all.id += (all.id.empty() ? "" : "+") + info.id;
    all.class_count += info.class_count;
  }
  all.modality = infos.front().modality;
  all.feature_dim = infos.front().feature_dim;
  all.fingerprint = base::sequence_fingerprint(parts);
  all.class_names = class_names(infos, labels);
  all.readable_names = readable_names(infos);
  const auto& templates = infos.front().templates;  // of all, or of none
  if (std::ranges::all_of(infos, [&](const base::DatasetInfo& info) { return info.templates == templates; })) all.templates = templates;
  all.domain_names = labels;
  all.train_counts = joined(infos, &base::DatasetInfo::train_counts);
  all.test_counts = joined(infos, &base::DatasetInfo::test_counts);
  all.orders = class_orders(infos);
  return all;
}

base::DatasetInfo described(const base::DatasetSpec& dataset, Catalogue& catalogue) {
  Infos infos;
  for (const base::DatasetSpec& part : dataset.parts()) infos.push_back(catalogue.dataset_with(part.id, part.root, part.params));
  return dataset.sequence.empty() ? infos.front() : sequence_info(dataset.sequence, infos);
}

}  // namespace clb::plan
