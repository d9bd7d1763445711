#include "resolve_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/plan/class_order.hpp>
#include <clb/plan/plan.hpp>
#include <numeric>

namespace clb::plan {
namespace {

using Ids = std::vector<int64_t>;

// What the order of the stream sorts: classes, or domains.
struct Ordered {
  const char* singular;
  const char* plural;
  int64_t count;
};

Ids listed_order(const Node& node, const Ordered& what, const std::string& dataset) {
  const Ids order = to_int_list(node, "protocol.order", 0, what.count - 1);
  std::vector<bool> seen(static_cast<size_t>(what.count));
  for (size_t i = 0; i < order.size(); ++i) {
    if (seen[static_cast<size_t>(order[i])])
      fail((*node.list())[i].place, fmt::format("protocol.order lists {} {} twice", what.singular, order[i]));
    seen[static_cast<size_t>(order[i])] = true;
  }
  if (order.size() != seen.size())
    fail(node.place, fmt::format("protocol.order lists {} {}, dataset {} has {}", order.size(), what.plural, dataset, seen.size()));
  return order;
}

Ids class_counts(const DatasetEntry& dataset) {
  if (dataset.spec.sequence.empty()) return {dataset.info.class_count};
  Ids counts;
  for (const base::DatasetSpec& part : dataset.spec.sequence) counts.push_back(part.class_count);
  return counts;
}

Ids listed_sizes(const Node& list, const base::DatasetInfo& dataset) {
  const Ids sizes = to_int_list(list, "protocol.split", 1, dataset.class_count);
  int64_t sum = 0;
  for (const int64_t size : sizes) sum = std::min(sum + size, dataset.class_count + 1);  // a file of 1 MiB cannot make it overflow
  if (sum != dataset.class_count)
    fail(list.place,
         fmt::format("protocol.split lists {} tasks of {}{} classes together, dataset {} has {}; every class belongs to one task",
                     sizes.size(), sum > dataset.class_count ? "more than " : "", sum > dataset.class_count ? dataset.class_count : sum,
                     dataset.id, dataset.class_count));
  return sizes;
}

void resolve_sizes(const ProtocolSection& section, const DatasetEntry& dataset, base::ProtocolSpec& spec) {
  const Ids counts = class_counts(dataset);
  const bool sequence = counts.size() > 1;
  if (section.split_list) {
    spec.task_sizes = listed_sizes(*section.split_list, dataset.info);
    spec.split = sequence && spec.task_sizes == counts ? "datasets" : split_name(spec.task_sizes);
    return;
  }
  if (spec.split.empty() && !sequence) fail(section.split_place, "[protocol] needs split, for example split = \"B0-Inc10\"");
  if (spec.split.empty()) spec.split = "datasets";
  if (spec.split == "datasets" && !sequence)
    fail(section.split_place,
         fmt::format("protocol.split = \"datasets\" is for a sequence of data sets, and {} is one; split looks like \"B0-Inc10\"",
                     dataset.info.id));
  if (spec.split == "datasets") {
    spec.task_sizes = counts;
    return;
  }
  for (const int64_t count : counts) {
    const Ids sizes = task_sizes(spec.split, count, section.split_place.text());
    spec.task_sizes.insert(spec.task_sizes.end(), sizes.begin(), sizes.end());
  }
}

// Drawn within each data set, so that no task has classes of two because of the order.
Ids drawn_order(const ProtocolSection& section, uint64_t order_seed, const DatasetEntry& dataset) {
  Ids order;
  for (const int64_t count : class_counts(dataset)) {
    const auto offset = static_cast<int64_t>(order.size());
    for (const int64_t c : permutation(section.order, order_seed, count, section.order_place.text())) order.push_back(offset + c);
  }
  return order;
}

Ids listed_domains(const Node& list, const base::DatasetInfo& dataset) {
  const auto count = static_cast<int64_t>(dataset.domain_names.size());
  if (!list.list() || list.list()->empty())
    fail(list.place, "protocol.domains must be a list of domains, names or numbers, for example [\"photo\", \"sketch\"]");
  Ids domains;
  for (const Node& element : *list.list()) {
    int64_t id = 0;
    if (std::holds_alternative<int64_t>(element.value)) {
      id = to_int(element, "each of protocol.domains", 0, count - 1);
    } else {
      const std::string name = to_string(element, "each of protocol.domains");
      const auto found = std::find(dataset.domain_names.begin(), dataset.domain_names.end(), name);
      if (found == dataset.domain_names.end())
        fail(element.place, fmt::format("dataset {} has no domain \"{}\"{}", dataset.id, one_line(name),
                                        suggestion(name, dataset.domain_names, "its domains")));
      id = found - dataset.domain_names.begin();
    }
    if (std::find(domains.begin(), domains.end(), id) != domains.end())
      fail(element.place, fmt::format("protocol.domains lists domain {} ({}) twice", id, dataset.domain_names[static_cast<size_t>(id)]));
    domains.push_back(id);
  }
  return domains;
}

// The chosen domains as the order sorts them; the order in which they were listed counts only where no other is given.
Ids sorted_domains(const ProtocolSection& section, const base::DatasetInfo& dataset, const Ids& chosen, base::ProtocolSpec& spec) {
  const auto count = static_cast<int64_t>(dataset.domain_names.size());
  if (section.order_list) return listed_order(*section.order_list, {"domain", "domains", count}, dataset.id);
  if (spec.order == "list") return chosen;
  Ids ascending = chosen, order;
  std::sort(ascending.begin(), ascending.end());
  if (section.order.kind == "official") {
    const auto [name, all] =
        official_order(section.order, {dataset.domain_orders, dataset.id, "domain", "domains", count}, section.order_place.text());
    spec.order = "official:" + name;
    std::ranges::copy_if(all, std::back_inserter(order), [&](int64_t id) { return std::ranges::binary_search(ascending, id); });
    return order;
  }
  const auto n = static_cast<int64_t>(ascending.size());
  for (const int64_t k : permutation(section.order, static_cast<uint64_t>(spec.order_seed), n, section.order_place.text()))
    order.push_back(ascending[static_cast<size_t>(k)]);
  return order;
}

}  // namespace

void resolve_classes(const ProtocolSection& section, const DatasetEntry& dataset, base::ProtocolSpec& spec) {
  resolve_sizes(section, dataset, spec);
  const base::DatasetInfo& info = dataset.info;
  const std::string where = section.order_place.text();
  if (section.order_list) {
    spec.class_order = listed_order(*section.order_list, {"class", "classes", info.class_count}, info.id);
  } else if (section.order.kind == "official") {
    const auto [name, order] = official_order(section.order, {info.orders, info.id, "class", "classes", info.class_count}, where);
    spec.order = "official:" + name;
    spec.class_order = order;
  } else {
    spec.class_order = drawn_order(section, static_cast<uint64_t>(spec.order_seed), dataset);
  }
}

void resolve_domains(const ProtocolSection& section, const DatasetEntry& dataset, base::ProtocolSpec& spec) {
  const base::DatasetInfo& info = dataset.info;
  const auto domains = static_cast<int64_t>(info.domain_names.size());
  if (!dataset.spec.sequence.empty())
    fail(section.place,
         "protocol.kind = \"domain\": each data set of a sequence has classes of its own, so no task could have all; use kind = \"class\"");
  if (domains < 2) fail(section.place, fmt::format("protocol.kind = \"domain\": dataset {} has no domains; use kind = \"class\"", info.id));
  const Ids chosen = section.domains ? listed_domains(*section.domains, info) : identity(domains);
  spec.domain_order = sorted_domains(section, info, chosen, spec);
  if (static_cast<int64_t>(chosen.size()) < domains) {
    spec.domain_subset = chosen;
    std::sort(spec.domain_subset.begin(), spec.domain_subset.end());
  }
  spec.class_order = identity(info.class_count);
  spec.task_sizes.assign(chosen.size(), info.class_count);
}

}  // namespace clb::plan
