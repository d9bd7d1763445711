#include "protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/plan/plan.hpp>
#include <numeric>

#include "recipes.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxBatch = 65536;

void read_kind(const Reader& reader, ProtocolSection& section) {
  base::ProtocolSpec& spec = section.spec;
  spec.kind = reader.choice("kind", "class", {"class", "domain", "task"});
  spec.joint = reader.flag("joint", false);
  const bool domains = spec.kind == "domain";
  if (const Node* split = reader.find("split")) {
    spec.split = to_string(*split, "protocol.split");
    section.split_place = split->place;
    if (domains && spec.split != "domains")
      fail(split->place,
           fmt::format("protocol.split = \"{}\": a domain-incremental stream has one task per domain; leave split out", spec.split));
  } else if (domains) {
    spec.split = "domains";
    section.split_place = section.place;
  } else {
    reader.at("split", "\"B0-Inc10\"");  // says that it is missing
  }
  if (const Node* eval_on = reader.find("eval_on")) {
    spec.eval_on = reader.choice("eval_on", "seen", {"seen", "all", "fixed"});
    if (!domains) fail(eval_on->place, "protocol.eval_on is for domain-incremental streams (kind = \"domain\")");
  }
}

void read_order(const Reader& reader, ProtocolSection& section, std::vector<std::string>& warnings) {
  const Node& node = reader.at("order", "\"pilot\"");
  section.order_place = node.place;
  if (node.list()) {
    section.order_list = node;
    section.spec.order = "list";
  } else {
    section.spec.order = to_string(node, "protocol.order");
    section.order = parse_order(section.spec.order, node.place.text());
  }
  section.order_seeds = {0};
  const Node* seeds = reader.find("order_seed");
  if (!seeds) return;
  const std::vector<int64_t> values = to_int_or_list(*seeds, "protocol.order_seed", 0, kMaxInt);
  if (!section.order_list && section.order.uses_order_seed()) {
    section.order_seeds = values;
  } else if (values != section.order_seeds) {
    warnings.push_back(fmt::format("{}: protocol.order_seed changes nothing, because the order \"{}\" is always the same",
                                   seeds->place.text(), section.spec.order));
  }
}

void read_evaluation(const Reader& reader, base::ProtocolSpec& spec) {
  spec.test_batches = reader.choice("test_batches", spec.test_batches, {"shuffled", "class_sorted"});
  spec.test_batch_size = reader.integer("test_batch_size", spec.test_batch_size, 1, kMaxBatch);
  spec.evaluate_on = reader.choice("evaluate_on", spec.evaluate_on, {"test", "validation"});
  const Node* node = reader.find("validation_fraction");
  if (!node) return;
  const double fraction = to_number(*node, "protocol.validation_fraction");
  if (fraction <= 0 || fraction >= 1)
    fail(node->place, fmt::format("protocol.validation_fraction must lie between 0 and 1, both excluded, found {}", fraction));
  if (spec.evaluate_on == "validation") spec.validation_fraction = fraction;  // elsewhere it may not change the run's key
}

// What the order of the stream sorts: classes, or domains.
struct Ordered {
  const char* singular;
  const char* plural;
  int64_t count;
};

std::vector<int64_t> listed_order(const Node& node, const Ordered& what, const std::string& dataset) {
  const std::vector<int64_t> order = to_int_list(node, "protocol.order", 0, what.count - 1);
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

std::vector<int64_t> identity(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void resolve_classes(const ProtocolSection& section, const base::DatasetInfo& dataset, base::ProtocolSpec& spec) {
  spec.task_sizes = task_sizes(spec.split, dataset.class_count, section.split_place.text());
  spec.class_order = section.order_list
                         ? listed_order(*section.order_list, {"class", "classes", dataset.class_count}, dataset.id)
                         : class_order(section.order, static_cast<uint64_t>(spec.order_seed), dataset, section.order_place.text());
  if (spec.order == "official") spec.order = "official:" + dataset.orders.begin()->first;  // the only one
}

void resolve_domains(const ProtocolSection& section, const base::DatasetInfo& dataset, base::ProtocolSpec& spec) {
  const auto domains = static_cast<int64_t>(dataset.domain_names.size());
  if (domains < 2)
    fail(section.place, fmt::format("protocol.kind = \"domain\": dataset {} has no domains; use kind = \"class\"", dataset.id));
  if (section.order.kind == "official")
    fail(section.order_place, "protocol.order = \"official\" is an order of classes; a domain-incremental stream orders domains");
  spec.domain_order = section.order_list
                          ? listed_order(*section.order_list, {"domain", "domains", domains}, dataset.id)
                          : permutation(section.order, static_cast<uint64_t>(spec.order_seed), domains, section.order_place.text());
  spec.class_order = identity(dataset.class_count);
  spec.task_sizes.assign(static_cast<size_t>(domains), dataset.class_count);
}

}  // namespace

ProtocolSection read_protocol(const Node& root, std::vector<std::string>& warnings) {
  const Node* node = root.table()->find("protocol");
  if (!node) fail(root.place, "the experiment needs a table [protocol]");
  const Reader reader(*node, "protocol");
  ProtocolSection section;
  section.place = reader.place();
  read_kind(reader, section);
  read_order(reader, section, warnings);
  if (const Node* stop = reader.find("stop_after")) {
    section.spec.stop_after = to_int(*stop, "protocol.stop_after", 1, kMaxInt);
    section.stop_place = stop->place;
  }
  if (const Node* transform = reader.find("eval_transform")) section.eval_transform = *transform;
  read_evaluation(reader, section.spec);
  if (section.spec.eval_on == "fixed" && section.spec.evaluate_on != "test")
    fail(reader.find("eval_on")->place, "protocol.eval_on = \"fixed\" evaluates the whole test split; evaluate_on must be \"test\"");
  return section;
}

base::ProtocolSpec resolve_protocol(const ProtocolSection& section, const base::DatasetInfo& dataset, int64_t order_seed,
                                    const std::filesystem::path& recipes) {
  base::ProtocolSpec spec = section.spec;
  spec.order_seed = order_seed;
  if (spec.kind == "domain") {
    resolve_domains(section, dataset, spec);
  } else {
    resolve_classes(section, dataset, spec);
  }
  const auto tasks = static_cast<int64_t>(spec.task_sizes.size());
  if (spec.stop_after > tasks)
    fail(section.stop_place, fmt::format("protocol.stop_after = {}, but split \"{}\" of dataset {} has {} tasks", spec.stop_after,
                                         spec.split, dataset.id, tasks));
  if (spec.stop_after == tasks) spec.stop_after = 0;  // the same stream as without it, so the same key
  if (section.eval_transform)
    spec.eval_transform = load_recipe(recipes, *section.eval_transform, "protocol.eval_transform", View::kEval, dataset.id);
  else if (dataset.modality != "features")
    fail(section.place, "[protocol] needs eval_transform, for example eval_transform = \"deit-224\"");
  return spec;
}

}  // namespace clb::plan
