#include "protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/plan/plan.hpp>

#include "reader.hpp"
#include "recipes.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxBatch = 65536;

void check_kind(const Reader& reader) {
  const std::string kind = reader.choice("kind", "class", {"class", "domain", "task"});
  if (kind != "class")
    fail(reader.find("kind")->place, fmt::format("protocol.kind = \"{}\": this version runs class-incremental streams only", kind));
  if (reader.flag("joint", false))
    fail(reader.find("joint")->place, "protocol.joint = true: this version runs class-incremental streams only, task by task");
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

std::vector<int64_t> listed_order(const Node& node, const base::DatasetInfo& dataset) {
  const std::vector<int64_t> order = to_int_list(node, "protocol.order", 0, dataset.class_count - 1);
  std::vector<bool> seen(static_cast<size_t>(dataset.class_count));
  for (size_t i = 0; i < order.size(); ++i) {
    if (seen[static_cast<size_t>(order[i])]) fail((*node.list())[i].place, fmt::format("protocol.order lists class {} twice", order[i]));
    seen[static_cast<size_t>(order[i])] = true;
  }
  if (order.size() != seen.size())
    fail(node.place, fmt::format("protocol.order lists {} classes, dataset {} has {}", order.size(), dataset.id, seen.size()));
  return order;
}

}  // namespace

ProtocolSection read_protocol(const Node& root, std::vector<std::string>& warnings) {
  const Node* node = root.table()->find("protocol");
  if (!node) fail(root.place, "the experiment needs a table [protocol]");
  const Reader reader(*node, "protocol");
  check_kind(reader);
  ProtocolSection section;
  section.place = reader.place();
  const Node& split = reader.at("split", "\"B0-Inc10\"");
  section.spec.split = to_string(split, "protocol.split");
  section.split_place = split.place;
  read_order(reader, section, warnings);
  if (const Node* stop = reader.find("stop_after")) {
    section.spec.stop_after = to_int(*stop, "protocol.stop_after", 1, kMaxInt);
    section.stop_place = stop->place;
  }
  if (const Node* transform = reader.find("eval_transform")) section.eval_transform = *transform;
  read_evaluation(reader, section.spec);
  return section;
}

base::ProtocolSpec resolve_protocol(const ProtocolSection& section, const base::DatasetInfo& dataset, int64_t order_seed,
                                    const std::filesystem::path& recipes) {
  base::ProtocolSpec spec = section.spec;
  spec.order_seed = order_seed;
  spec.task_sizes = task_sizes(spec.split, dataset.class_count, section.split_place.text());
  spec.class_order = section.order_list
                         ? listed_order(*section.order_list, dataset)
                         : class_order(section.order, static_cast<uint64_t>(order_seed), dataset, section.order_place.text());
  if (spec.order == "official") spec.order = "official:" + dataset.orders.begin()->first;  // the only one
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
