#include "protocol.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "recipes.hpp"
#include "resolve_stream.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxBatch = 65536;

void read_split(const Reader& reader, ProtocolSection& section) {
  base::ProtocolSpec& spec = section.spec;
  const bool domains = spec.kind == "domain";
  section.split_place = section.place;
  if (domains) spec.split = "domains";
  const Node* split = reader.find("split");
  if (!split) return;  // a sequence of data sets needs none
  section.split_place = split->place;
  if (domains && (split->list() || to_string(*split, "protocol.split") != "domains"))
    fail(split->place, fmt::format("protocol.split = {}: a domain-incremental stream has one task per domain; leave split out",
                                   split->list() ? "[...]" : fmt::format("\"{}\"", to_string(*split, "protocol.split"))));
  if (split->list())
    section.split_list = *split;
  else
    spec.split = to_string(*split, "protocol.split");
}

void read_kind(const Reader& reader, ProtocolSection& section) {
  base::ProtocolSpec& spec = section.spec;
  spec.kind = reader.choice("kind", "class", {"class", "domain", "task"});
  spec.joint = reader.flag("joint", false);
  const bool domains = spec.kind == "domain";
  read_split(reader, section);
  if (const Node* eval_on = reader.find("eval_on")) {
    spec.eval_on = reader.choice("eval_on", "seen", {"seen", "all", "fixed"});
    if (!domains) fail(eval_on->place, "protocol.eval_on is for domain-incremental streams (kind = \"domain\")");
  }
  if (const Node* list = reader.find("domains")) {
    if (!domains) fail(list->place, "protocol.domains is for domain-incremental streams (kind = \"domain\")");
    section.domains = *list;
  }
  spec.eval_unseen = reader.flag("eval_unseen", false);
  if (!spec.eval_unseen) return;
  section.unseen_place = reader.find("eval_unseen")->place;
  if (domains)
    fail(
        section.unseen_place,
        "protocol.eval_unseen is about classes to come, of which a domain-incremental stream has none; eval_on = \"all\" evaluates domains "
        "to come");
}

void read_order(const Reader& reader, ProtocolSection& section, std::vector<std::string>& warnings) {
  const bool as_listed = section.domains && !reader.find("order");  // the domains are in order
  const Node& node = as_listed ? *section.domains : reader.at("order", "\"pilot\"");
  section.order_place = node.place;
  if (as_listed || node.list()) {
    if (!as_listed) section.order_list = node;
    section.spec.order = "list";
  } else {
    section.spec.order = to_string(node, "protocol.order");
    section.order = parse_order(section.spec.order, node.place.text());
  }
  if (section.domains && section.order_list)
    fail(node.place, "protocol.domains lists the domains in order already; leave protocol.order out, or name an order to sort them by");
  section.order_seeds = {0};
  const Node* seeds = reader.find("order_seed");
  if (!seeds) return;
  const std::vector<int64_t> values = to_int_or_list(*seeds, "protocol.order_seed", 0, kMaxInt);
  if (section.spec.order != "list" && section.order.uses_order_seed()) {
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

base::ProtocolSpec resolve_protocol(const ProtocolSection& section, const DatasetEntry& entry, int64_t order_seed,
                                    const std::filesystem::path& recipes) {
  const base::DatasetInfo& dataset = entry.info;
  base::ProtocolSpec spec = section.spec;
  spec.order_seed = order_seed;
  if (spec.kind == "domain") {
    resolve_domains(section, entry, spec);
  } else {
    resolve_classes(section, entry, spec);
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
