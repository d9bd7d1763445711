#include "schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "toml.hpp"

namespace clb::plan {
namespace {

using Keys = std::vector<std::string>;

// Tables of an experiment by the name that sentences use; "" is the top level.
const std::map<std::string, Keys>& experiment_tables() {
  static const std::map<std::string, Keys> tables = {
      {"", {"name", "dataset", "weights", "assets", "protocol", "run", "method"}},
      {"dataset", {"id", "name", "root", "sequence", "train_per_class", "test_per_class", "params"}},
      {"dataset.sequence", {"id", "name", "root", "train_per_class", "test_per_class", "params"}},
      {"weights.main", {"name", "file", "sha256", "random", "format", "heads", "text_heads", "pos_antialias", "vocabulary"}},
      {"assets", {"file", "sha256", "dataset"}},
      {"weights.main.random", {"image", "patch", "dim", "depth", "heads", "seed"}},
      {"protocol",
       {"name", "kind", "split", "order", "order_seed", "domains", "stop_after", "joint", "eval_on", "eval_unseen", "eval_transform",
        "test_batches", "test_batch_size", "evaluate_on", "validation_fraction"}},
      {"run", {"seed", "precision", "device", "threads", "checkpoint", "track", "loader_threads", "store_limit", "keep_logits"}},
      {"method", {"id", "preset", "params", "train_transform", "joint"}},
  };
  return tables;
}

bool contains(const Keys& keys, const std::string& key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

// "; it belongs in [protocol]" when exactly that key is known in another table of the experiment.
std::string elsewhere(const std::string& key) {
  for (const auto& [name, keys] : experiment_tables())
    if (contains(keys, key)) return name.empty() ? "; it belongs at the top level" : fmt::format("; it belongs in [{}]", name);
  return "";
}

const Table& table_of(const Node& node, const std::string& name) {
  if (const Table* table = node.table()) return *table;
  fail(node.place, fmt::format("{} must be a table, found {}", name, node.in_words()));
}

void check_section(const Node& node, const std::string& name, const std::string& shown) {
  check_keys(table_of(node, shown), shown, experiment_tables().at(name), elsewhere);
}

// Of the elements those that are tables; the others are names.
void check_sequence(const Node& dataset) {
  const Node* sequence = dataset.table()->find("sequence");
  if (!sequence || !sequence->list()) return;
  for (const Node& part : *sequence->list())
    if (part.table()) check_section(part, "dataset.sequence", "dataset.sequence");
}

void check_weights(const Node& weights) {
  for (const Entry& role : table_of(weights, "weights").entries()) {
    if (!role.value.table())
      fail(role.key_place,
           fmt::format("weights.{} must be a table, [weights.main] for example, found {}", role.key, role.value.in_words()));
    const std::string shown = "weights." + role.key;
    check_section(role.value, "weights.main", shown);
    if (const Node* random = role.value.table()->find("random")) check_section(*random, "weights.main.random", shown + ".random");
  }
}

void check_assets(const Node& assets) {
  for (const Entry& asset : table_of(assets, "assets").entries()) {
    if (!asset.value.table())
      fail(asset.key_place,
           fmt::format("assets.{} must be a table with file and sha256, or with dataset, found {}", asset.key, asset.value.in_words()));
    const std::string shown = "assets." + asset.key;
    check_section(asset.value, "assets", shown);
    const Node* dataset = asset.value.table()->find("dataset");
    if (dataset && dataset->table()) check_section(*dataset, "dataset.sequence", shown + ".dataset");
  }
}

}  // namespace

void check_protocol_keys(const Node& root) { check_section(root, "protocol", ""); }

std::vector<const Node*> one_or_several(const Node& root, const std::string& key) {
  const Node* node = root.table()->find(key);
  if (!node) fail(root.place, fmt::format("the experiment needs a table [{}]", key));
  if (node->table()) return {node};
  std::vector<const Node*> tables;
  if (node->list())
    for (const Node& element : *node->list()) tables.push_back(element.table() ? &element : nullptr);
  if (tables.empty() || std::find(tables.begin(), tables.end(), nullptr) != tables.end())
    fail(node->place, fmt::format("{0} must be a table [{0}] or several [[{0}]], found {1}", key,
                                  node->list() ? "a list of something else" : node->in_words()));
  return tables;
}

void check_experiment_keys(const Node& root) {
  check_section(root, "", "");
  for (const std::string key : {"dataset", "method"})
    if (root.table()->find(key))
      for (const Node* node : one_or_several(root, key)) check_section(*node, key, key);
  if (root.table()->find("dataset"))
    for (const Node* node : one_or_several(root, "dataset")) check_sequence(*node);
  for (const std::string key : {"protocol", "run"})
    if (const Node* node = root.table()->find(key)) check_section(*node, key, key);
  if (const Node* assets = root.table()->find("assets")) check_assets(*assets);
  if (const Node* weights = root.table()->find("weights")) check_weights(*weights);
}

}  // namespace clb::plan
